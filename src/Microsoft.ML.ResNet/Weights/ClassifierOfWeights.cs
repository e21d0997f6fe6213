using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.Runtime;
using TorchSharp;

namespace Microsoft.ML.ResNet.Weights;

/// <summary>Makes a classifier of weights that were trained elsewhere.</summary>
internal static class ClassifierOfWeights
{
    private const int DefaultSize = 224;
    private const string Text = "Text";

    /// <exception cref="ArgumentException">See <see cref="ResNetWeights.ToClassifier"/>.</exception>
    public static ResNetTransformer Make(
        IHostEnvironment environment, ResNetWeights weights, IReadOnlyList<string>? given, string featureColumnName, int? imageSize, float[]? mean, float[]? deviation)
    {
        NativeTorch.EnsureLoaded();
        IReadOnlyList<string> classNames = given ?? weights.ClassNames
            ?? throw new ArgumentException($"The weights of '{weights.Source}' don't name their classes, and no classNames are given. Give the classes in the order of the network's outputs.", "classNames");
        CheckClasses(weights, classNames);
        if (weights.NonFiniteCount > 0)
        {
            throw new ArgumentException(
                $"The weights of '{weights.Source}' have {weights.NonFiniteCount} values that are NaN or infinite, or variances below 0: the scores would be NaN. Take an earlier file, or train again.", nameof(weights));
        }

        var classes = new ModelDescription.ClassesPart(given is null ? weights.ClassType ?? Text : Text, [.. classNames]);
        ModelDescription description = Describe(weights, classes, featureColumnName, imageSize, mean, deviation);
        using IChannel channel = environment.Start(nameof(ResNetWeights));
        torch.Device device = TorchDevice.Choose(environment, channel);
        var network = new ResidualNetwork(weights.Specification, weights.InputChannels, classNames.Count, seed: null);
        try
        {
            WeightTransfer.CopyTo(weights, network, includeHead: true);
            return ResNetTransformer.Create(description, network, ScoringDevice.Choose(device, ScoringPrecision.Float32, ScoringBackend.Auto, environment, channel));
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    private static void CheckClasses(ResNetWeights weights, IReadOnlyList<string> classNames)
    {
        if (weights.ClassCount != classNames.Count)
        {
            throw new ArgumentException(
                $"{classNames.Count} class names are given, but the weights of '{weights.Source}' {(weights.ClassCount is { } count ? $"have {count} classes" : "have no classifier")}.", nameof(classNames));
        }

        if (classNames.Any(string.IsNullOrWhiteSpace) || classNames.Distinct(StringComparer.Ordinal).Count() < classNames.Count)
        {
            throw new ArgumentException("A class name is empty or occurs twice; expected a name of its own for each class.", nameof(classNames));
        }

        if (weights.InputChannels != 3)
        {
            throw new ArgumentException($"The weights of '{weights.Source}' take {weights.InputChannels} channels, expected 3: image files have colours.", nameof(weights));
        }
    }

    private static ModelDescription Describe(ResNetWeights weights, ModelDescription.ClassesPart classes, string featureColumnName, int? imageSize, float[]? mean, float[]? deviation)
    {
        if (imageSize is < 8 or > 4096)
        {
            throw new ArgumentOutOfRangeException(nameof(imageSize), imageSize, "Expected 8 to 4096.");
        }

        // A size that is given is not the one that the weights' short side was for.
        ImagePreprocessing? known = weights.Preprocessing;
        int width = imageSize ?? known?.Width ?? DefaultSize, height = imageSize ?? known?.Height ?? DefaultSize;
        ImageFit fit = known?.Fit ?? ImageFit.ShortSideCrop;
        int shorter = Math.Min(width, height), fitted = fit == ImageFit.ShortSideCrop ? ImagePreprocessing.DefaultShortSide(shorter) : shorter;

        var (knownMean, knownDeviation) = weights.NormalizationFor(weights.InputChannels);
        mean ??= knownMean;
        deviation ??= knownDeviation;
        if (mean.Length != weights.InputChannels || deviation.Length != weights.InputChannels || !mean.All(float.IsFinite) || !deviation.All(value => value > 0 && float.IsFinite(value)))
        {
            throw new ArgumentException($"The mean and the standard deviation need {weights.InputChannels} finite values each, deviations above 0.");
        }

        return new ModelDescription
        {
            FormatVersion = ModelDescription.CurrentFormatVersion,
            Network = ModelDescription.NetworkPart.Of(weights.Specification, weights.InputChannels),
            Columns = new ModelDescription.ColumnsPart("Label", featureColumnName, "Score", "PredictedLabel"),
            Image = new ModelDescription.ImagePart
            {
                Kind = FeatureKind.Path,
                Width = width,
                Height = height,
                Fit = fit,
                ShortSide = imageSize is null && known is not null ? known.ShortSide : fitted,
                Mean = mean,
                StandardDeviation = deviation,
                IsPlanar = false,
                Range = PixelRange.ZeroTo255,
                BadImages = BadImageHandling.Throw,
            },
            Classes = classes,
            Training = [],
        };
    }
}
