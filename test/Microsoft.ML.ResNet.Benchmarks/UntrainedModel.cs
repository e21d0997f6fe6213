using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>Transformers with five classes and the first weights of a network: speed depends on no weight.</summary>
internal static class UntrainedModel
{
    public const int Size = 224;
    public const string FeatureColumn = "Pixels", PathColumn = "ImagePath";

    /// <param name="kind">Pixels, of 0 to 255 in planes, or paths.</param>
    public static ResNetTransformer Create(ResNetArchitecture architecture, FeatureKind kind, ScoringPrecision precision = ScoringPrecision.Float32)
    {
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(architecture).ResolveStem(Size, Size);
        string[] classes = ["a", "b", "c", "d", "e"];
        IHostEnvironment environment = new MLContext(1);
        using IChannel channel = environment.Start("benchmark");
        return ResNetTransformer.Create(
            new ModelDescription
            {
                FormatVersion = ModelDescription.CurrentFormatVersion,
                Network = ModelDescription.NetworkPart.Of(specification, 3),
                Columns = new ModelDescription.ColumnsPart("Label", kind == FeatureKind.Pixels ? FeatureColumn : PathColumn, "Score", "PredictedLabel"),
                Image = new ModelDescription.ImagePart
                {
                    Kind = kind,
                    Width = Size,
                    Height = Size,
                    Fit = ImageFit.ShortSideCrop,
                    ShortSide = kind == FeatureKind.Pixels ? Size : ImagePreprocessing.DefaultShortSide(Size),
                    Mean = ImagePreprocessing.DefaultMean(3),
                    StandardDeviation = ImagePreprocessing.DefaultStandardDeviation(3),
                    IsPlanar = kind == FeatureKind.Pixels,
                    Range = PixelRange.ZeroTo255,
                    BadImages = BadImageHandling.Throw,
                },
                Classes = new ModelDescription.ClassesPart("Text", classes),
                ScoringPrecision = precision,
                Training = [],
            },
            new ResidualNetwork(specification, 3, classes.Length, seed: 1),
            ScoringDevice.Choose(CPU, precision, ScoringBackend.Auto, environment, channel));
    }
}
