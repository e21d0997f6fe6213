using System.Globalization;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;

namespace Microsoft.ML.ResNet.Training;

/// <summary>A training that ends in numbers that are none.</summary>
internal static class Divergence
{
    /// <summary>The images that are enough to tell: a network whose activations overflow gives no score to hardly any image.</summary>
    private const int MostImages = 32;

    /// <summary>
    /// Requires that a trained network scores. Weights that are finite may give activations that are not, or have running statistics that no scores come of; the loss of training,
    /// which goes by the statistics of its batches, doesn't tell.
    /// </summary>
    /// <param name="images">The training images, of which some are scored.</param>
    /// <param name="scoring">How the classifier will score; its device has the network.</param>
    /// <exception cref="InvalidOperationException">The scores aren't finite; every rank throws.</exception>
    public static void RequireScores(ResidualNetwork network, ImageDataset images, ScoringDevice scoring, TrainingSettings settings)
    {
        ImageDataset sample = images.Subset(StratifiedSample.Of(images.Labels, Math.Min(MostImages, images.Count), settings.Seed));

        // A training that was cancelled, and gives its best model, gives one that scores.
        double loss = settings.Ranks.OfMain(settings.Ranks.IsMain ? Evaluation.Run(network, sample, scoring, topK: 1, () => { }).Loss : 0);
        if (!double.IsFinite(loss))
        {
            throw settings.Ranks.OfAll(Error(string.Create(CultureInfo.InvariantCulture, $"the trained network's loss on {sample.Count} training images is {loss}, though its weights are finite")));
        }
    }

    /// <param name="what">What is no finite number, and where.</param>
    /// <param name="more">A sentence more, or none.</param>
    public static InvalidOperationException Error(string what, string more = "") => new(
        $"Training diverged: {what}. Lower LearningRate (by ten, to begin with), set MaxGradientNorm or raise WarmupEpochs, and check the pixel values: they must be in the range that PixelRange says; and weights that it began with must be finite.{more}");
}
