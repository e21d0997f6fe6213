namespace ImageClassification.CommandLine;

/// <summary>What the program tells the shell.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>Something could not be done, such as reading an image.</summary>
    public const int Failed = 1;

    /// <summary>An argument is wrong, or a folder or model that it names.</summary>
    public const int WrongArguments = 2;

    /// <summary>Ctrl+C: 128 and the number of the signal, as shells have it.</summary>
    public const int Cancelled = 130;
}
