using System.Globalization;
using Microsoft.ML.ResNet.Native;

namespace Microsoft.ML.ResNet.Tests.Fuzzing;

/// <summary>
/// Every reader, with thousands of damaged files: nothing but the documented exceptions, no crash, at most a second for each (and one more for each MiB), and no
/// more memory than a stated multiple of the file.
/// </summary>
[TestClass]
[DoNotParallelize]
public sealed class FuzzTests
{
    private const int FewInputs = 200;
    private const int ManyInputs = 20_000;

    public TestContext TestContext { get; set; } = null!;

    public static IEnumerable<object[]> Readers =>
    [
        ["safetensors"], ["PyTorch zip"], ["PyTorch legacy"], ["ONNX"], ["weights of model.zip"],
        ["model description"], ["model weights"], ["features description"], ["features weights"], ["normalisation"], ["checkpoint"], ["start of fine-tuning"],
        ["JPEG"], ["PNG"], ["WebP"], ["BMP"], ["GIF"],
    ];

    [TestMethod]
    [DynamicData(nameof(Readers))]
    public void Read_DamagedFiles_GiveContentOrADocumentedError(string reader) => Run(reader, FewInputs);

    [TestMethod]
    [TestCategory("Slow")]
    [DynamicData(nameof(Readers))]
    public void Read_ThousandsOfDamagedFiles_GiveContentOrADocumentedError(string reader) => Run(reader, ManyInputs);

    [TestMethod]
    [DataRow("safetensors")]
    [DataRow("PyTorch zip")]
    [DataRow("PyTorch legacy")]
    [DataRow("ONNX")]
    public void Read_LargeFilesOfTheSmallestParts_TakeNoMoreMemoryThanTheMultiple(string reader)
    {
        using var targets = new FuzzTargets();
        var run = new FuzzRun(targets.Create(reader) with { AllocationConstant = 1 << 20 });

        foreach (byte[] file in SmallParts.Of(reader))
        {
            run.Check(file);
        }

        TestContext.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{reader}: most memory {run.LargestShare:P0} of what is allowed."));
    }

    private void Run(string reader, int count)
    {
        NativeTorch.EnsureLoaded();
        using var targets = new FuzzTargets();
        var run = new FuzzRun(targets.Create(reader));

        run.Run(count);

        Assert.AreEqual(count, run.Counts.Read + run.Counts.Refused);
        Assert.IsGreaterThan(count / 4, run.Counts.Refused, "The damage does little: the test tests nothing.");
        TestContext.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{reader}: {run.Counts.Read} read, {run.Counts.Refused} refused, longest {run.LongestTime.TotalMilliseconds:F0} ms, most memory {run.LargestShare:P0} of what is allowed."));
    }
}
