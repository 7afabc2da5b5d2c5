/** Candidates come from irm itself (candidates.ts): one line each, a tab and a description behind it. */
export const zshScript = `#compdef irm
# zsh completion for irm
_irm() {
  local line
  local -a found
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      _files
    else
      found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done < <("$words[1]" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe irm found
}
if [[ $funcstack[1] == _irm ]]; then
  _irm "$@"
else
  compdef _irm irm
fi
`;
