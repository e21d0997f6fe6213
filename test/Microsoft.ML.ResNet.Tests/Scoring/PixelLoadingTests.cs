using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Scoring;

[TestClass]
public sealed class PixelLoadingTests
{
    private const int Count = 3;

    [TestMethod]
    [DataRow(false, false, 3, 7, 5)]
    [DataRow(false, true, 3, 5, 33)]
    [DataRow(true, false, 3, 20, 33)]
    [DataRow(true, true, 3, 40, 16)]
    [DataRow(false, false, 1, 16, 28)]
    [DataRow(true, true, 4, 9, 17)]
    public unsafe void Do_AllItems_GivesTheBitsOfNetworkInput(bool isFloat, bool isPlanar, int channels, int width, int height)
    {
        using var scope = NewDisposeScope();
        InputFormat format = Format(isFloat, isPlanar, channels, width, height);
        byte[] pixels = Pixels(format);
        using var input = new NetworkInput(format, CPU);
        float[] expected = input.Create(pixels, Count).permute(0, 2, 3, 1).contiguous().data<float>().ToArray();
        float[] actual = new float[expected.Length + 16];
        Array.Fill(actual, float.NegativeInfinity);

        fixed (byte* source = pixels)
        fixed (float* target = actual)
        {
            var loading = new PixelLoading((nint)source, format, new Activations((nint)target, Count, height, width, channels));
            for (int item = 0; item < loading.ItemCount; item++)
            {
                loading.Do(item, worker: 0);
            }
        }

        CollectionAssert.AreEqual(Bits(expected), Bits(actual[..expected.Length]));
        Assert.IsTrue(actual[expected.Length..].All(float.IsNegativeInfinity), "past the end");
    }

    [TestMethod]
    [DataRow(false, false)]
    [DataRow(true, true)]
    public void Features_OfABatchBuffer_AreThoseOfItsTensor(bool isFloat, bool isPlanar)
    {
        VectorInstructions.Require();
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        InputFormat format = Format(isFloat, isPlanar, 3, 40, 36);
        byte[] pixels = Pixels(format);
        using var input = new NetworkInput(format, CPU);
        using var network = new ResidualNetwork(new ResNetSpecification { Depths = [1, 1], Widths = [16, 32], Stem = ResNetStem.ImageNet }, 3, 5, seed: 1);
        network.eval();
        using var scoring = new VectorNetwork(network);

        float[] expected = scoring.Features(input.Create(pixels, Count)).data<float>().ToArray();
        float[] actual = scoring.Features(new ScoringImages(input, pixels, Count)).data<float>().ToArray();

        Assert.IsTrue(expected.Distinct().Count() > Count, "all the same");
        CollectionAssert.AreEqual(Bits(expected), Bits(actual));
    }

    private static InputFormat Format(bool isFloat, bool isPlanar, int channels, int width, int height) => new()
    {
        Width = width,
        Height = height,
        Channels = channels,
        IsFloat = isFloat,
        IsPlanar = isPlanar,
        Scale = [.. Enumerable.Range(1, channels).Select(i => 0.017f / i)],
        Offset = [.. Enumerable.Range(1, channels).Select(i => -1.3f + (0.7f * i))],
    };

    private static byte[] Pixels(InputFormat format)
    {
        var random = new Random(1);
        if (!format.IsFloat)
        {
            byte[] bytes = new byte[Count * format.ByteCount];
            random.NextBytes(bytes);
            return bytes;
        }

        float[] values = [.. Enumerable.Range(0, Count * format.ValueCount).Select(_ => 255 * random.NextSingle())];
        return MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
    }

    private static int[] Bits(float[] values) => [.. values.Select(BitConverter.SingleToInt32Bits)];
}
