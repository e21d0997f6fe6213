namespace ImageClassification.CommandLine;

/// <summary>An argument, or a folder or file that it names, is none that the command can begin with.</summary>
internal sealed class WrongArgumentException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Runs what reads the arguments' folders and files: what is wrong with them is known before the work begins.</summary>
    public static T Guard<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (Failure.IsOfUser(exception))
        {
            throw new WrongArgumentException(Failure.MessageOf(exception), exception);
        }
    }
}
