namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>Draws from the symmetric Beta distribution.</summary>
internal static class BetaDistribution
{
    /// <summary>Draws a number of 0 to 1.</summary>
    /// <param name="alpha">Both parameters, above 0: 1 is even, below 1 prefers the ends, above 1 the middle.</param>
    public static double Sample(ref SplitMix64 random, double alpha)
    {
        // A share of two Gamma draws; by logarithms, because for a small alpha both may be too small for a double.
        double first = LogGamma(ref random, alpha), second = LogGamma(ref random, alpha);
        return 1 / (1 + Math.Exp(second - first));
    }

    /// <summary>The logarithm of a draw from the Gamma distribution with this shape and scale 1.</summary>
    private static double LogGamma(ref SplitMix64 random, double shape)
        => shape < 1
            ? LogGammaFromOne(ref random, shape + 1) + (Math.Log(Positive(ref random)) / shape)
            : LogGammaFromOne(ref random, shape);

    /// <summary>For a shape of 1 or more; Marsaglia and Tsang 2000, "A simple method for generating gamma variables", whose section 6 has the step from smaller shapes.</summary>
    private static double LogGammaFromOne(ref SplitMix64 random, double shape)
    {
        double d = shape - (1.0 / 3), c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double normal = Normal(ref random), v = 1 + (c * normal);
            if (v <= 0)
            {
                continue;
            }

            v = v * v * v;
            if (Math.Log(Positive(ref random)) < (0.5 * normal * normal) + d - (d * v) + (d * Math.Log(v)))
            {
                return Math.Log(d * v);
            }
        }
    }

    /// <summary>A draw from the standard normal distribution (Box and Muller 1958).</summary>
    private static double Normal(ref SplitMix64 random)
        => Math.Sqrt(-2 * Math.Log(Positive(ref random))) * Math.Cos(2 * Math.PI * random.NextDouble());

    /// <summary>Above 0, 1 at the most: it has a logarithm.</summary>
    private static double Positive(ref SplitMix64 random) => 1 - random.NextDouble();
}
