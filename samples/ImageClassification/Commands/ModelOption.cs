using System.CommandLine;
using ImageClassification.CommandLine;
using Microsoft.ML.ResNet;

namespace ImageClassification.Commands;

/// <summary>The options of the commands that use a saved model.</summary>
internal sealed class ModelOption
{
    public Option<string?> Option { get; } = OptionFactory.Text("--model", "FILE", "The saved model.", "model.zip");

    /// <summary>How the model scores, for commands that have it.</summary>
    public Option<TestTimeAugmentation?> TestTimeAugmentation { get; }
        = OptionFactory.Name<TestTimeAugmentation>("--test-time-augmentation", "The views of an image that are scored and averaged", "as the model was trained");

    /// <summary>Whether test images that can't be read are left out, for commands that have it.</summary>
    public Option<bool> SkipBadImages { get; } = new("--skip-bad-images") { Description = "Leave images that can't be read out, with a warning. Without it the first one ends the command." };

    /// <exception cref="WrongArgumentException">There is no such file, no such model in it, or its images can't be cut into the views.</exception>
    public SavedModel Load(ParseResult arguments)
    {
        string path = arguments.GetValue(Option)!;
        if (Directory.Exists(path))
        {
            throw new WrongArgumentException($"The model '{path}' is a folder, expected the file of a saved model.");
        }

        try
        {
            return SavedModel.Load(path, arguments.GetValue(TestTimeAugmentation), arguments.GetValue(SkipBadImages) ? BadImageHandling.Skip : BadImageHandling.Throw);
        }
        catch (FileNotFoundException exception) when (!File.Exists(path))
        {
            throw new WrongArgumentException($"The model '{path}' doesn't exist. Train one first, or name another with --model.", exception);
        }
        catch (ArgumentException exception) when (exception.ParamName == "augmentation")
        {
            throw new WrongArgumentException($"{TestTimeAugmentation.Name} does not go with the model '{path}': {Failure.MessageOf(exception)}", exception);
        }
        catch (Exception exception) when (Failure.IsOfUser(exception))
        {
            throw new WrongArgumentException($"The model '{path}' can't be used: {Failure.MessageOf(exception)}", exception);
        }
    }
}
