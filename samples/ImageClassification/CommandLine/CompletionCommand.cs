using System.CommandLine;

namespace ImageClassification.CommandLine;

/// <summary>Writes the lines that teach a shell to complete the tool's commands and options. The tool itself answers the shell, by System.CommandLine's directive.</summary>
internal sealed class CompletionCommand : Command
{
    // The directive takes the position of the cursor and the whole line as one argument.
    private const string Bash = """
        _resnet_complete() {
            COMPREPLY=()
            local candidate current="${COMP_WORDS[COMP_CWORD]}"
            while IFS= read -r candidate; do
                [[ "$candidate" == "$current"* ]] && COMPREPLY+=("$candidate")
            done < <(resnet "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)
        }
        complete -o default -F _resnet_complete resnet
        """;

    private const string Zsh = """
        _resnet() {
            local -a candidates
            candidates=("${(@f)$(resnet "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            compadd -- "${(@)candidates:#}" || _files
        }
        compdef _resnet resnet
        """;

    private const string PowerShell = """
        Register-ArgumentCompleter -Native -CommandName resnet -ScriptBlock {
            param($word, $line, $position)
            resnet "[suggest:$position]" "$line" | Where-Object { $_ -like "$word*" } | ForEach-Object {
                [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
            }
        }
        """;

    private readonly Argument<string> _shell = new("SHELL") { Description = "The shell." };

    public CompletionCommand()
        : base("completion", "Writes a script that completes commands and options. For bash: eval \"$(resnet completion bash)\" in ~/.bashrc.")
    {
        _shell.AcceptOnlyFromAmong("bash", "zsh", "pwsh");
        Add(_shell);
        SetAction(result => Console.WriteLine(result.GetValue(_shell) switch { "bash" => Bash, "zsh" => Zsh, _ => PowerShell }));
    }
}
