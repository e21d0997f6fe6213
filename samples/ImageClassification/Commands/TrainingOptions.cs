using System.CommandLine;
using System.CommandLine.Parsing;
using ImageClassification.CommandLine;
using Microsoft.ML.ResNet;

namespace ImageClassification.Commands;

/// <summary>The options of the commands that train: which images, which network, and how.</summary>
internal sealed class TrainingOptions
{
    private readonly Option<ResNetArchitecture?> _architecture = OptionFactory.Name<ResNetArchitecture>("--architecture", "The network", "ResNet20 for images of at most 64 pixels, else ResNet18");
    private readonly Option<Recipe?> _recipe = OptionFactory.Name<Recipe>("--recipe", "How much time the model is worth: a minute, ten, or as long as --minutes says", "none");
    private readonly Option<int?> _epochs = OptionFactory.Number("--epochs", 1, 10_000, "How often training goes through all images. Default: as --recipe has it; without one 70 for images of at most 64 pixels, 90 for at most 2,000 of them, 40 for larger ones; with --pretrained 10, down to 3 for more than 1,000 images of 224 pixels.");
    private readonly Option<int?> _size = OptionFactory.Number("--size", 8, 4096, "Width and height of the network's input in pixels. Default: the images' own size, at most 224; with --pretrained 224, or 96 for images of at most 64 pixels.");
    private readonly Option<ImageFit?> _fit = OptionFactory.Name<ImageFit>("--fit", "How an image that is no square becomes the network's input: cut, squeezed, or with a border", "ShortSideCrop");
    private readonly Option<int?> _batch = OptionFactory.Number("--batch", 2, 4096, "Images in a training step.", 32);
    private readonly Option<bool> _pretrained = new("--pretrained") { Description = "Begin with a network that knows ImageNet: best for photographs, and for few of them." };
    private readonly Option<AugmentationPreset?> _augmentation = OptionFactory.Name<AugmentationPreset>("--augmentation", "How much training images are varied", "Auto, by their size and number");
    private readonly Option<int?> _minutes = OptionFactory.Number("--minutes", 1, 100_000, "The time that training may take; fewer epochs are run where not all fit into it. Default: as --recipe has it; without one no limit.");
    private readonly Option<int?> _seed = OptionFactory.Number("--seed", 0, int.MaxValue, "Decides all that is random: the same seed gives the same model on the same machine.", 1);

    private readonly Option<bool> _skipBadImages = new("--skip-bad-images") { Description = "Leave images that can't be read out of training and test, with a warning. Without it the first one ends the command." };

    /// <summary>The folder of the images.</summary>
    public Option<string?> Images { get; } = OptionFactory.Text("--images", "DIR", "A folder with a sub-folder of images for each class. Default: the bundled Fashion-MNIST images, in a clone of the repository.");

    /// <summary>What is trained of a pretrained network.</summary>
    public Option<FineTuningMode?> FineTuning { get; } = OptionFactory.Name<FineTuningMode>("--fine-tuning", "With --pretrained, what is trained", "HeadThenFull");

    /// <summary>All of them, in the order of the help.</summary>
    public IEnumerable<Option> All => [Images, _architecture, _pretrained, _recipe, FineTuning, _epochs, _size, _fit, _batch, _augmentation, _minutes, _skipBadImages, _seed];

    /// <summary>Finds options that contradict each other.</summary>
    public void Check(CommandResult result)
    {
        if (ToolCommand.IsGiven(result, FineTuning) && !ToolCommand.IsGiven(result, _pretrained))
        {
            result.AddError("--fine-tuning goes with --pretrained only.");
        }
        else if (ToolCommand.IsGiven(result, _architecture) && ToolCommand.IsGiven(result, _pretrained))
        {
            result.AddError("--architecture does not go with --pretrained: the weights have a network of their own.");
        }
    }

    /// <summary>What the command line says.</summary>
    public TrainingArguments Of(ParseResult result) => new(
        result.GetValue(Images),
        result.GetValue(_architecture),
        result.GetValue(_pretrained),
        result.GetValue(_recipe),
        result.GetValue(FineTuning),
        result.GetValue(_epochs),
        result.GetValue(_size),
        result.GetValue(_fit) ?? ImageFit.ShortSideCrop,
        result.GetValue(_batch)!.Value,
        result.GetValue(_augmentation) ?? AugmentationPreset.Auto,
        result.GetValue(_minutes) is { } minutes ? TimeSpan.FromMinutes(minutes) : null,
        result.GetValue(_skipBadImages),
        result.GetValue(_seed)!.Value);
}
