using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Native;

namespace Microsoft.ML.ResNet.Tests.Native;

[TestClass]
[DoNotParallelize]
public sealed class FreedMemoryTests
{
    [TestMethod]
    public void Return_OnThisSystem_IsHarmless()
    {
        FreedMemory.Return();
        FreedMemory.Return();
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Fit_AThousandSteps_KeepsTheResidentSizeFlat()
    {
        var context = new MLContext(1);
        var random = new Random(1);
        IDataView data = context.Data.LoadFromEnumerable(
            Enumerable.Range(0, 512).Select(i => new Row { Label = i % 4 == 0 ? "a" : "b", Features = [.. Enumerable.Range(0, 3072).Select(_ => (float)random.Next(256))] }).ToList());
        List<long> sizes = [];
        var options = new ResNetTrainer.Options
        {
            Architecture = ResNetArchitecture.ResNet20,
            Epochs = 63,
            EpochCallback = _ => sizes.Add(Environment.WorkingSet),
        };

        ((IDisposable)PixelRows.Fit(context, data, options)).Dispose();

        // 16 steps an epoch. Without giving memory back it grows by some 300 MiB.
        Assert.IsLessThan(100L << 20, sizes[^5..].Max() - sizes[5..15].Max());
    }

    private sealed class Row
    {
        public string Label { get; set; } = "";

        [VectorType(3, 32, 32)]
        public float[] Features { get; set; } = [];
    }
}
