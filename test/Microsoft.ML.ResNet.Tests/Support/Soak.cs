using System.Globalization;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>How long the longest tests run. The environment variable RESNET_SOAK_SHARE, above 0 and at most 1, makes them shorter.</summary>
internal static class Soak
{
    /// <summary>The number of rounds, or the share of them that is asked for.</summary>
    public static int Count(int full)
        => Environment.GetEnvironmentVariable("RESNET_SOAK_SHARE") is { Length: > 0 } share
            ? Math.Max(1, (int)(full * double.Parse(share, CultureInfo.InvariantCulture)))
            : full;

    /// <summary>Fails where values grow: the largest of the last fifth must not exceed the largest of the second by more than the tolerance.</summary>
    public static void AssertFlat(IReadOnlyList<long> values, long tolerance, string what)
    {
        int fifth = Math.Max(1, values.Count / 5);
        long early = values.Skip(fifth).Take(fifth).Max(), late = values.Skip(values.Count - fifth).Max();
        Assert.IsTrue(late - early <= tolerance, $"{what} grows from {early} to {late}: {string.Join(", ", values.Where((_, i) => i % Math.Max(1, values.Count / 20) == 0))}.");
    }
}
