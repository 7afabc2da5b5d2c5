/** Candidates come from irm itself (candidates.ts): one line each, a tab and a description behind it. */
export const bashScript = `# bash completion for irm
_irm() {
  local line word
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default ;;
      *)
        printf -v word '%q' "\${line%%$'\\t'*}"
        COMPREPLY+=("$word")
        ;;
    esac
  done < <("$1" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if declare -F __ltrim_colon_completions >/dev/null; then
    __ltrim_colon_completions "\${COMP_WORDS[COMP_CWORD]}"
  fi
}
complete -F _irm irm
`;
