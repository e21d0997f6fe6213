using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Native;

[TestClass]
[DoNotParallelize]
public sealed class OneDnnTests
{
    /// <summary>Of a Zen 5 in a virtual machine that hides its caches.</summary>
    private static readonly int[] s_model = OneDnn.ModelOf(0x00B00F21);

    private static readonly long[] s_hidden = [1, 1, 1];

    [TestMethod]
    public void ModelOf_Zen5_IsWhatOneDnnHas() => CollectionAssert.AreEqual(new[] { 2, 15, 1, 0, 11, 26, 2 }, s_model);

    [TestMethod]
    public void Size_AnEmptyAnswer_IsAByte() => Assert.AreEqual(1, ProcessorCaches.Size((0, 0, 0, 0)));

    // 8 ways, 1 partition, lines of 64 bytes, 64 sets; 16 ways, 1024 sets.
    [TestMethod]
    [DataRow((7 << 22) | 63, 63, 32 * 1024)]
    [DataRow((15 << 22) | 63, 1023, 1024 * 1024)]
    public void Size_FieldsOfACache_IsItsBytes(int ebx, int ecx, int expected) => Assert.AreEqual(expected, ProcessorCaches.Size((0, ebx, ecx, 0)));

    [TestMethod]
    public void AssumeSizes_AnObjectAmongOtherMemory_IsGivenSizesAndTheRestStays()
    {
        int[] memory = [.. Enumerable.Range(1, 50), .. Processor(1, 1, 1), .. Enumerable.Range(7, 30)];
        int[] expected = [.. Enumerable.Range(1, 50), .. Processor(32768, 524288, 1048576), .. Enumerable.Range(7, 30)];

        Assert.AreEqual(1, OneDnn.AssumeSizes(memory, s_hidden, s_model));

        CollectionAssert.AreEqual(expected, memory);
    }

    [TestMethod]
    public void AssumeSizes_OneLevelThatIsHidden_KeepsTheOthers()
    {
        int[] memory = Processor(49152, 1048576, 1);

        Assert.AreEqual(1, OneDnn.AssumeSizes(memory, [49152, 1048576, 1], s_model));

        CollectionAssert.AreEqual(Processor(49152, 1048576, 1048576), memory);
    }

    [TestMethod]
    [DataRow(0, "another size")]
    [DataRow(4, "a fourth cache")]
    [DataRow(10, "no cores")]
    [DataRow(20, "another count")]
    [DataRow(24, "another stepping")]
    [DataRow(28, "another model")]
    public void AssumeSizes_AnythingElse_IsLeftAlone(int index, string difference)
    {
        int[] memory = Processor(1, 1, 1);
        memory[index] = index == 10 ? 0 : memory[index] + 5;
        int[] before = [.. memory];

        Assert.AreEqual(0, OneDnn.AssumeSizes(memory, s_hidden, s_model), difference);
        Assert.AreEqual(0, OneDnn.AssumeSizes(memory.AsSpan(1), s_hidden, s_model), "cut off");
        Assert.AreEqual(0, OneDnn.AssumeSizes(Processor(1, 1, 1).AsSpan(0, 28), s_hidden, s_model), "cut off at its end");

        CollectionAssert.AreEqual(before, memory);
    }

    [TestMethod]
    public void WritableRegions_MapsOfAProcess_AreThoseOfTheLibraryAndWhatFollows()
    {
        string[] maps =
        [
            "7f0000000000-7f0000001000 r-xp 00000000 fe:00 12                         /a folder/libtorch_cpu.so",
            "7f0000001000-7f0000003000 rw-p 00001000 fe:00 12                         /a folder/libtorch_cpu.so",
            "7f0000003000-7f0000004000 rw-p 00000000 00:00 0 ",
            "7f0000005000-7f0000006000 rw-p 00000000 00:00 0 ",
            "7f0000006000-7f0000007000 rw-p 00000000 fe:00 13                         /a folder/libtorch.so",
            "7f0000007000-7f0000008000 rw-p 00000000 00:00 0                          [heap]",
        ];

        CollectionAssert.AreEqual(new (nint, long)[] { (unchecked((nint)0x7f0000001000), 0x2000), (unchecked((nint)0x7f0000003000), 0x1000) }, OneDnn.WritableRegions(maps, "libtorch_cpu.so").ToArray());
    }

    /// <summary>Where caches are hidden and oneDNN knows of none, these are wrong or end the process.</summary>
    [TestMethod]
    [DataRow(1024, 2048, 1, 2, 1)]
    [DataRow(1024, 512, 1, 1, 1)]
    [DataRow(256, 1024, 1, 1, 1)]
    [DataRow(512, 2048, 1, 1, 1)]
    [DataRow(1, 8, 7, 2, 1)]
    [DataRow(32, 32, 3, 1, 8)]
    [DataRow(64, 64, 3, 1, 1)]
    public void Convolutions_OnThisProcessor_AreRight(int inputChannels, int outputChannels, int kernel, int stride, int groups)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(5);
        Tensor images = rand([3, inputChannels, 7, 7], generator: generator) - 0.5f;
        Tensor weight = rand([outputChannels, inputChannels / groups, kernel, kernel], generator: generator) - 0.5f;
        Tensor weighting = rand([3, outputChannels, (6 / stride) + 1, (6 / stride) + 1], generator: generator);
        Tensor[] expected = Results(ScalarType.Float64);
        foreach (ScalarType type in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            foreach (var (actual, right) in Results(type).Zip(expected))
            {
                double error = ((actual.to(ScalarType.Float64) - right).norm() / right.norm()).item<double>();
                Assert.IsLessThan(type == ScalarType.Float32 ? 1e-5 : 0.02, error, $"{type}");
            }
        }

        Tensor[] Results(ScalarType type)
        {
            Tensor typedImages = ChannelsLast.Copy(images.to(type)).requires_grad_(), typedWeight = ChannelsLast.Copy(weight.to(type)).requires_grad_();
            Tensor output = nn.functional.conv2d(typedImages, typedWeight, null, [stride, stride], [kernel / 2, kernel / 2], groups: groups);
            (output * weighting.to(type)).sum().backward();
            return [output, typedImages.grad!, typedWeight.grad!];
        }
    }

    /// <summary>The object as libtorch 2.10 has it.</summary>
    private static int[] Processor(int first, int second, int third) => [first, second, third, 0, 0, 0, 0, 0, 0, 0, 1, 2, 16, 0, 0, 0, 0, 0, 0, 0, 3, 0, .. s_model];
}
