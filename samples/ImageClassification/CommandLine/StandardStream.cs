using System.Text;

namespace ImageClassification.CommandLine;

/// <summary>
/// Standard output or standard error that may stop working: its disk is full, or its terminal is closed. What a command has in files is worth more than what it shows, so that the rest
/// is dropped, and the fault remembered. Where standard output is all that a command gives, the fault ends it.
/// </summary>
internal sealed class StandardStream(TextWriter stream) : TextWriter
{
    /// <summary>Standard output, as <see cref="Replace"/> has made it.</summary>
    public static StandardStream Output { get; private set; } = new(Null);

    /// <summary>Whether a fault ends the command. Set before the command writes.</summary>
    public bool IsResult { get; set; }

    /// <summary>What went wrong, or null.</summary>
    public string? Fault { get; private set; }

    /// <inheritdoc/>
    public override Encoding Encoding => stream.Encoding;

    /// <summary>Takes the place of both of the program's streams.</summary>
    public static void Replace()
    {
        Output = new StandardStream(Console.Out) { IsResult = true };
        Console.SetOut(Output);
        Console.SetError(new StandardStream(Console.Error));
    }

    /// <inheritdoc/>
    public override void Write(char value) => Try(() => stream.Write(value));

    /// <inheritdoc/>
    public override void Write(string? value) => Try(() => stream.Write(value));

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Try(() => stream.Write(buffer, index, count));

    /// <inheritdoc/>
    public override void WriteLine() => Try(stream.WriteLine);

    /// <inheritdoc/>
    public override void WriteLine(string? value) => Try(() => stream.WriteLine(value));

    /// <inheritdoc/>
    public override void Flush() => Try(stream.Flush);

    private void Try(Action write)
    {
        if (Fault is not null)
        {
            return;
        }

        try
        {
            write();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            string reason = exception is IOException ? exception.Message.TrimEnd('.', ' ') : "it is closed, or may not be written";
            Fault = $"Standard output can't be written: {reason}.";
            if (IsResult)
            {
                throw new IOException(Fault, exception);
            }
        }
    }
}
