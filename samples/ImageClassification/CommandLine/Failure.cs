using System.Reflection;

namespace ImageClassification.CommandLine;

/// <summary>Turns what went wrong into one line and an exit code.</summary>
internal static class Failure
{
    /// <summary>Writes a line to standard error.</summary>
    /// <returns>The exit code.</returns>
    public static int Report(int exitCode, string message)
    {
        Console.Error.WriteLine(string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)));
        return exitCode;
    }

    /// <summary>What went wrong, without the names of parameters. Where threads share the rows of a data set, as in Cache, and where a model is loaded, ML.NET hides it in exceptions that say so and nothing else.</summary>
    public static string MessageOf(Exception exception) => exception switch
    {
        TargetInvocationException { InnerException: { } inner } => MessageOf(inner),
        InvalidOperationException { InnerException: { } inner, Source: "Microsoft.ML.Core" or "Microsoft.ML.Data" } => MessageOf(inner),
        ArgumentException { ParamName: { } name } => exception.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal),
        _ => exception.Message,
    };

    /// <summary>Whether the exception tells of something that the user can put right, so that its message says all.</summary>
    public static bool IsOfUser(Exception exception)
        => exception is TargetInvocationException { InnerException: { } inner }
            ? IsOfUser(inner)
            : exception is IOException or InvalidDataException or InvalidOperationException or UnauthorizedAccessException or ArgumentException or FormatException or DllNotFoundException;
}
