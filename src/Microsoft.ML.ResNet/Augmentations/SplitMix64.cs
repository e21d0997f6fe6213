namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>
/// A small random generator (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators") that is seeded from what
/// it is for, so that a draw depends on the seed, the epoch and the row alone, not on threads or on the order of rows.
/// </summary>
internal struct SplitMix64
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;
    private ulong _state;

    private SplitMix64(ulong state) => _state = state;

    /// <summary>A generator for the draws that concern a whole epoch, such as the order of rows.</summary>
    public static SplitMix64 ForEpoch(long seed, int epoch) => new(Mix(Mix((ulong)seed + GoldenGamma) + (ulong)epoch));

    /// <summary>A generator for the draws of one kind that concern one row in one epoch.</summary>
    public static SplitMix64 ForRow(long seed, int epoch, int row, RandomStream stream)
        => new(Mix(Mix(ForEpoch(seed, epoch)._state + ((ulong)row * GoldenGamma) + 1) + (ulong)stream));

    public ulong NextUInt64() => Mix(_state += GoldenGamma);

    /// <summary>A number of 0 to <paramref name="bound"/> - 1.</summary>
    public int Next(int bound) => (int)Math.BigMul(NextUInt64(), (ulong)bound, out _);

    /// <summary>True with a probability of one half.</summary>
    public bool NextBoolean() => (long)NextUInt64() < 0;

    /// <summary>A number of 0 to 1, without 1.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A number from <paramref name="minimum"/> to <paramref name="maximum"/>.</summary>
    public double NextDouble(double minimum, double maximum) => minimum + ((maximum - minimum) * NextDouble());

    /// <summary>Puts the items into a random order (Fisher and Yates).</summary>
    public void Shuffle(Span<int> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = Next(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
