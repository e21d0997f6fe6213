using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Weights;

/// <summary>Compares how pixels were normalised with what weights were trained on: other numbers give features that mean nothing, without an error anywhere.</summary>
internal static class NormalizationCheck
{
    /// <param name="column">The pixels.</param>
    /// <param name="channels">Their channels.</param>
    /// <exception cref="ArgumentException">NormalizePixels gave the column another mean or deviation than that of the weights.</exception>
    public static void Require(ResNetWeights weights, DataViewSchema.Column column, int channels)
    {
        if (weights.Preprocessing is null || PixelNormalization.Of(column) is not { } given || given.Channels != channels)
        {
            return;
        }

        var (mean, deviation) = weights.NormalizationFor(channels);
        if (!given.IsLike(mean, deviation))
        {
            throw new ArgumentException(
                $"Column '{column.Name}' is normalised with {given}, but the weights of '{weights.Source}' were trained with {PixelNormalization.Text(mean, deviation)}. "
                + "Give these to NormalizePixels (weights.Preprocessing.Mean, weights.Preprocessing.StandardDeviation), or leave NormalizePixels out.");
        }
    }
}
