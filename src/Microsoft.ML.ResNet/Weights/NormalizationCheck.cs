using System.Globalization;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Weights;

/// <summary>Compares how pixels were normalised with what weights were trained on: other numbers give features that mean nothing, without an error anywhere.</summary>
internal static class NormalizationCheck
{
    /// <summary>The largest difference between two normalised values of one pixel, relative to the difference between black and white.</summary>
    private const double Tolerance = 0.05;

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
        for (int channel = 0; channel < channels; channel++)
        {
            double black = Difference(0, channel), white = Difference(1, channel);
            if (Math.Max(black, white) > Tolerance)
            {
                throw new ArgumentException(
                    $"Column '{column.Name}' is normalised with mean {Text(given.Mean)} and standard deviation {Text(given.StandardDeviation)}, but the weights of '{weights.Source}' were trained with mean {Text(mean)} and standard deviation {Text(deviation)}. "
                    + "Give these to NormalizePixels (weights.Preprocessing.Mean, weights.Preprocessing.StandardDeviation), or leave NormalizePixels out.");
            }
        }

        double Difference(double value, int channel)
            => Math.Abs(((value - given.Mean[channel]) / given.StandardDeviation[channel]) - ((value - mean[channel]) / deviation[channel])) * deviation[channel];
    }

    private static string Text(IEnumerable<float> values) => string.Join(", ", values.Select(value => value.ToString("G4", CultureInfo.InvariantCulture)));
}
