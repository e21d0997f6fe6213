using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Native;
using TorchSharp;

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
    [OSCondition(OperatingSystems.Linux)]
    public void Keep_LargeTensorsAgain_TakeFewNewPages()
    {
        if (FreedMemory.IsSetByUser())
        {
            Assert.Inconclusive("The environment says how the C library keeps memory.");
        }

        NativeTorch.EnsureLoaded();
        Step();
        long before = PagesOfThisThread();

        Step();
        Step();

        // Of twice 160 MiB, 80,000 pages, of which this thread writes its share. On a thread other than the main one the C library gives up some of what is free.
        Assert.IsLessThan(15_000L, PagesOfThisThread() - before);
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void Return_AfterLargeTensors_GivesTheirMemoryBack()
    {
        NativeTorch.EnsureLoaded();
        Step();
        long kept = Environment.WorkingSet;

        FreedMemory.Return();

        Assert.IsLessThan(kept - (120L << 20), Environment.WorkingSet);
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

    /// <summary>Takes and frees 20 tensors of 8 MiB, as a step of training does.</summary>
    private static void Step()
    {
        using var scope = torch.NewDisposeScope();
        for (int i = 0; i < 20; i++)
        {
            torch.ones(2 << 20);
        }
    }

    private static unsafe long PagesOfThisThread()
    {
        // struct rusage: two times of two numbers each and four sizes of memory, then the pages given without reading from a disk.
        long* usage = stackalloc long[18];
        const int OfThread = 1;
        Assert.AreEqual(0, GetUsage(OfThread, usage));
        return usage[8];
    }

    [DllImport("libc", EntryPoint = "getrusage", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern unsafe int GetUsage(int who, long* usage);

    private sealed class Row
    {
        public string Label { get; set; } = "";

        [VectorType(3, 32, 32)]
        public float[] Features { get; set; } = [];
    }
}
