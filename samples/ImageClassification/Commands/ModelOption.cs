using System.CommandLine;
using ImageClassification.CommandLine;

namespace ImageClassification.Commands;

/// <summary>The option of the commands that use a saved model.</summary>
internal sealed class ModelOption
{
    public Option<string?> Option { get; } = OptionFactory.Text("--model", "FILE", "The saved model.", "model.zip");

    /// <exception cref="WrongArgumentException">There is no such file, or no such model in it.</exception>
    public SavedModel Load(ParseResult arguments)
    {
        string path = arguments.GetValue(Option)!;
        try
        {
            return SavedModel.Load(path);
        }
        catch (FileNotFoundException exception) when (!File.Exists(path))
        {
            throw new WrongArgumentException($"The model '{path}' doesn't exist. Train one first, or name another with --model.", exception);
        }
        catch (Exception exception) when (Failure.IsOfUser(exception))
        {
            throw new WrongArgumentException($"The model '{path}' can't be used: {exception.Message}", exception);
        }
    }
}
