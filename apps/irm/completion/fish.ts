/** Candidates come from irm itself (candidates.ts): one line each, a tab and a description behind it. */
export const fishScript = `# fish completion for irm
function __irm_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c irm -f -a '(__irm_complete)'
`;
