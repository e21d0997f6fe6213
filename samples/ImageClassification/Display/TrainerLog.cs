using Microsoft.ML;
using Microsoft.ML.Runtime;
using Spectre.Console;

namespace ImageClassification.Display;

/// <summary>Shows what the trainer tells beside its epochs.</summary>
internal static class TrainerLog
{
    /// <summary>What is worth a line, by its first words: resuming, and the trial of fine-tuning, which takes a while.</summary>
    private static readonly string[] s_shownInformation = ["Resuming from", "The training in", "Trying on", "Fine-tuning all layers", "The weights"];

    /// <summary>A context whose warnings, and some of whose information, go to the console.</summary>
    public static MLContext NewContext(int seed, IAnsiConsole console)
    {
        var mlContext = new MLContext(seed);
        mlContext.Log += (_, log) =>
        {
            if (log.Kind >= ChannelMessageKind.Warning)
            {
                console.MarkupLineInterpolated($"[yellow]{log.RawMessage}[/]");
            }
            else if (s_shownInformation.Any(start => log.RawMessage.StartsWith(start, StringComparison.Ordinal)))
            {
                console.MarkupLineInterpolated($"[grey]{log.RawMessage}[/]");
            }
        };
        return mlContext;
    }
}
