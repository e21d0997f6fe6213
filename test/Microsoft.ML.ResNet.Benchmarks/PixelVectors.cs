using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>Rows of pixels in memory, 0 to 255, in planes.</summary>
internal sealed class PixelVectors
{
    [VectorType(3, UntrainedModel.Size, UntrainedModel.Size)]
    public float[] Pixels { get; set; } = [];

    public static PixelVectors[] Create(int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ => new PixelVectors { Pixels = [.. Enumerable.Range(0, 3 * UntrainedModel.Size * UntrainedModel.Size).Select(_ => (float)random.Next(256))] })];
    }
}
