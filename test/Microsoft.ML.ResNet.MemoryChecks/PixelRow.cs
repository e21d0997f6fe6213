using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.MemoryChecks;

/// <summary>A row of planar pixels, 3 channels of 12x12, 0 to 255.</summary>
internal sealed class PixelRow
{
    public string Label { get; set; } = "";

    public float Weight { get; set; } = 1;

    [VectorType(3, 12, 12)]
    public float[] Features { get; set; } = [];

    /// <summary>Noisy pictures of three classes.</summary>
    public static List<PixelRow> Create(int count)
    {
        var random = new Random(count);
        return
        [
            .. Enumerable.Range(0, count).Select(i => new PixelRow
            {
                Label = $"class {i % 3}",
                Weight = 1 + (i % 2),
                Features = [.. Enumerable.Range(0, 3 * 144).Select(k => (float)random.Next(k / 144 == i % 3 ? 100 : 0, k / 144 == i % 3 ? 256 : 156))],
            }),
        ];
    }
}

/// <summary>What a prediction engine gives.</summary>
internal sealed class PredictionRow
{
    public float[] Score { get; set; } = [];
}
