using System.CommandLine;
using System.CommandLine.Parsing;
using ImageClassification.CommandLine;
using ImageClassification.Data;
using Microsoft.ML;
using Microsoft.ML.ResNet;
using Microsoft.ML.Transforms.Image;
using Spectre.Console;

namespace ImageClassification.Commands;

/// <summary>Writes a saved model for other programs.</summary>
internal sealed class ExportCommand : ToolCommand
{
    private const string Onnx = ".onnx", MLNet = ".zip", Weights = ".safetensors";

    private readonly ModelOption _model = new();
    private readonly Option<string?> _output = OptionFactory.Text(
        "--output",
        "FILE",
        "What is written, by the end of its name: .onnx for ONNX Runtime and others, .zip for ML.NET applications that have ONNX Runtime instead of this library, .safetensors for PyTorch (the weights, under torchvision's names).",
        "model.onnx");

    private readonly Option<OnnxPrecision?> _precision = OptionFactory.Name<OnnxPrecision>("--precision", "The numbers of the ONNX file", "Float32");

    public ExportCommand()
        : base("export", "Writes a saved model as ONNX, as an ML.NET model that needs ONNX Runtime only, or as weights for PyTorch.")
        => AddOptions(_model.Option, _output, _precision, _model.TestTimeAugmentation);

    protected override void Check(CommandResult result)
    {
        if (!IsGiven(result, _output))
        {
            return;
        }

        string path = result.GetValue(_output)!;
        if (FormatOf(path) is not (Onnx or MLNet or Weights))
        {
            result.AddError($"--output is '{path}', expected a name that ends with .onnx, .zip or .safetensors.");
        }
        else if (IsGiven(result, _precision) && FormatOf(path) == Weights)
        {
            result.AddError("--precision does not go with .safetensors: weights have the network's own numbers.");
        }
        else if (result.GetValue(_precision) == OnnxPrecision.Float16 && FormatOf(path) == MLNet)
        {
            result.AddError("--precision Float16 does not go with .zip: ML.NET's ApplyOnnxModel takes Float32 alone. Float16 goes with .onnx.");
        }
        else if (IsGiven(result, _model.TestTimeAugmentation) && FormatOf(path) == Weights)
        {
            result.AddError("--test-time-augmentation does not go with .safetensors: weights don't say how images are scored.");
        }
    }

    protected override IEnumerable<NamedPath> Results(ParseResult arguments) => NamedPath.Of(arguments, _output);

    protected override IEnumerable<NamedPath> Sources(ParseResult arguments) => NamedPath.Of(arguments, _model.Option);

    protected override int Run(ParseResult arguments, Output output, CancellationToken cancellationToken)
    {
        string path = arguments.GetValue(_output)!, modelPath = arguments.GetValue(_model.Option)!;
        using SavedModel model = _model.Load(arguments);
        ResNetTransformer network = model.Network
            ?? throw new WrongArgumentException($"The model '{modelPath}' has no residual network, expected one that 'train' made.");
        if (FormatOf(path) == MLNet && network.FeatureColumnName != nameof(LabeledImage.ImagePath))
        {
            throw new WrongArgumentException($"The model's network reads the column '{network.FeatureColumnName}', which other transforms make; expected one that was trained on image files. Export to .onnx, and put ApplyOnnxModel after those transforms.");
        }

        OnnxPrecision precision = arguments.GetValue(_precision) ?? OnnxPrecision.Float32;
        switch (FormatOf(path))
        {
            case Onnx:
                network.ExportOnnx(path, OptionsOf(model, precision));
                break;
            case MLNet:
                SaveForOnnxRuntime(model, network, OptionsOf(model, precision), path);
                break;
            default:
                network.SaveWeights(path);
                break;
        }

        long size = new FileInfo(path).Length;
        output.Console.WriteLine(FormattableString.Invariant($"Exported   {ShortPath.Of(path)}, {size / 1e6:F1} MB, {network.ClassNames.Count} classes, input {network.Preprocessing.Width}x{network.Preprocessing.Height}"));
        output.WriteJson(new { Path = Path.GetFullPath(path), Bytes = size, network.Preprocessing.Width, network.Preprocessing.Height, Classes = network.ClassNames });
        return ExitCode.Success;
    }

    private static string FormatOf(string path) => Path.GetExtension(path).ToLowerInvariant();

    /// <summary>A pipeline's NormalizePixels moves into the graph.</summary>
    private static OnnxExportOptions OptionsOf(SavedModel model, OnnxPrecision precision) => new()
    {
        Precision = precision,
        ScoresName = "Score",
        PredictedLabelName = "PredictedLabel",
        PixelNormalization = SavedModel.Parts(model.Model).OfType<PixelNormalizingTransformer>().SingleOrDefault(),
    };

    /// <summary>ML.NET's own transforms read the images, and its ApplyOnnxModel, which takes the ONNX file into the model, scores them.</summary>
    private static void SaveForOnnxRuntime(SavedModel model, ResNetTransformer network, OnnxExportOptions options, string path)
    {
        string temporary = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, $".{Guid.NewGuid():N}.onnx");
        try
        {
            options.IncludeCenterCrop = network.Preprocessing.Fit == ImageFit.ShortSideCrop;
            network.ExportOnnx(temporary, options);
            MLContext mlContext = model.MLContext;
            IDataView schema = mlContext.Data.LoadFromEnumerable<LabeledImage>([]);
            ITransformer onnx = mlContext.Transforms.LoadImages("Image", null, "ImagePath")
                .Append(Resize(mlContext, network.Preprocessing))
                .Append(mlContext.Transforms.ExtractPixels(options.InputName, "Image"))
                .Append(mlContext.Transforms.ApplyOnnxModel([options.PredictedLabelName!, options.ScoresName], [options.InputName], temporary))
                .Fit(schema);
            using (onnx as IDisposable)
            {
                mlContext.Model.SaveAtomically(onnx, schema.Schema, path);
            }
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>To what the graph takes, as nearly as ML.NET's resizing comes to the network's own.</summary>
    private static ImageResizingEstimator Resize(MLContext mlContext, ImagePreprocessing preprocessing) => preprocessing.Fit switch
    {
        ImageFit.ShortSideCrop => mlContext.Transforms.ResizeImages("Image", preprocessing.ShortSide, preprocessing.ShortSide),
        ImageFit.Stretch => mlContext.Transforms.ResizeImages("Image", preprocessing.Width, preprocessing.Height, resizing: ImageResizingEstimator.ResizingKind.Fill),
        _ => mlContext.Transforms.ResizeImages("Image", preprocessing.Width, preprocessing.Height, resizing: ImageResizingEstimator.ResizingKind.IsoPad),
    };
}
