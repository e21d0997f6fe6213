using System.CommandLine;
using System.CommandLine.Parsing;
using ImageClassification.CommandLine;
using ImageClassification.Data;
using ImageClassification.Display;
using Microsoft.ML;
using Microsoft.ML.ResNet;

namespace ImageClassification.Commands;

/// <summary>Looks for the learning rate of a training, without training.</summary>
internal sealed class FindLearningRateCommand : ToolCommand
{
    private readonly TrainingOptions _training = new();

    public FindLearningRateCommand()
        : base("find-lr", "Looks for the learning rate of a training by a range test: the rate grows from step to step until the loss explodes.")
        => AddOptions(_training.All);

    protected override void Check(CommandResult result)
    {
        _training.Check(result);
        if (result.GetValue(_training.FineTuning) == FineTuningMode.HeadOnly)
        {
            result.AddError("find-lr does not go with --fine-tuning HeadOnly: it fits the classifier without a learning rate.");
        }
    }

    protected override IEnumerable<NamedPath> ImageFolders(ParseResult arguments) => NamedPath.Of(arguments, _training.Images);

    protected override int Run(ParseResult arguments, Output output, CancellationToken cancellationToken)
    {
        TrainingArguments choices = _training.Of(arguments);
        MLContext mlContext = TrainerLog.NewContext(choices.Seed, output.Console);
        IReadOnlyList<LabeledImage> images = ImageData.List(mlContext, choices.ImageFolder, "train");
        ResNetTrainer.Options options = TrainerChoice.Of(choices, images, cancellationToken);
        LearningRateCurve curve = Training.FindLearningRate(mlContext, mlContext.Data.LoadFromEnumerable(images), options);
        LearningRateChart.Show(output.Console, curve);
        output.WriteJson(new { curve.Steepest, curve.MinimumOverTen, curve.Points });
        return ExitCode.Success;
    }
}
