using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests.Images;

/// <summary>Vector code for images on sizes drawn at random, in memory that ends before a page that may not be touched.</summary>
[TestClass]
public sealed unsafe class ImageKernelBoundsTests
{
    private const int Cases = 500;

    [TestMethod]
    public void ResampleKernels_RandomSizes_EqualTheScalarCode()
    {
        VectorInstructions.Require();
        for (int seed = 0; seed < Cases; seed++)
        {
            var random = new Random(seed);
            int sourceWidth = random.Next(1, 70), sourceHeight = random.Next(1, 40), width = random.Next(1, 40), height = random.Next(1, 30);
            var columns = new ResampleTable(Axis(random, sourceWidth, width));
            var rows = new ResampleTable(Axis(random, sourceHeight, height));
            using var memory = new Guarded(random);
            ReadOnlySpan<byte> source = memory.Bytes(sourceWidth * sourceHeight * 3);
            int stride = (width * 3) + ResampleKernels.RowSlack, middleRows = rows.End - rows.First;
            Span<byte> expectedMiddle = memory.Bytes(middleRows * stride), middle = memory.Bytes(middleRows * stride);
            Span<byte> expected = memory.Bytes(width * 3), actual = memory.Bytes(width * 3);

            ResampleKernels.AlongRows(source[(rows.First * sourceWidth * 3)..], sourceWidth, middleRows, columns, expectedMiddle, stride, vectorised: false);
            ResampleKernels.AlongRows(source[(rows.First * sourceWidth * 3)..], sourceWidth, middleRows, columns, middle, stride, vectorised: true);

            for (int row = 0; row < middleRows; row++)
            {
                Assert.IsTrue(expectedMiddle.Slice(row * stride, width * 3).SequenceEqual(middle.Slice(row * stride, width * 3)), $"seed {seed}, row {row} of the first pass");
            }

            for (int row = 0; row < height; row++)
            {
                ResampleKernels.AcrossRows(middle, stride, rows, row, expected, vectorised: false);
                ResampleKernels.AcrossRows(middle, stride, rows, row, actual, vectorised: true);
                Assert.IsTrue(expected.SequenceEqual(actual), $"seed {seed}, row {row}");
            }
        }
    }

    [TestMethod]
    public void PackOpaque_EveryCount_DropsTheFourthByte()
    {
        for (int count = 0; count < 200; count++)
        {
            using var memory = new Guarded(new Random(count));
            ReadOnlySpan<byte> rgbx = memory.Bytes(count * 4);
            Span<byte> rgb = memory.Bytes(count * 3);

            PixelPacking.PackOpaque(rgbx, rgb);

            for (int i = 0; i < rgb.Length; i++)
            {
                Assert.AreEqual(rgbx[(i / 3 * 4) + (i % 3)], rgb[i], $"{count} pixels");
            }
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    [DataRow(4)]
    public void BoxResampler_RandomBoxes_GivesTheMeanOfConstantsAndStaysWithinTheImage(int channels)
    {
        for (int seed = 0; seed < Cases; seed++)
        {
            Resize<byte>(seed, channels, 201);
            Resize<float>(seed, channels, 201);
        }
    }

    /// <summary>Resizes a box whose values are all the same, in an image whose other values are not.</summary>
    private static void Resize<T>(int seed, int channels, byte value)
        where T : unmanaged
    {
        var random = new Random(seed);
        int sourceWidth = random.Next(1, 60), sourceHeight = random.Next(1, 40), width = random.Next(1, 40), height = random.Next(1, 30);
        int boxWidth = random.Next(1, sourceWidth + 1), boxHeight = random.Next(1, sourceHeight + 1);

        // Often the box ends where the memory does.
        var box = new CropBox(random.Next(2) == 0 ? sourceWidth - boxWidth : 0, random.Next(2) == 0 ? sourceHeight - boxHeight : 0, boxWidth, boxHeight);
        using var memory = new Guarded(random);
        Span<T> source = MemoryMarshal.Cast<byte, T>(memory.Bytes(sourceWidth * sourceHeight * channels * sizeof(T)));
        T constant = PixelValue.Round<T>(value);
        for (int y = box.Top; y < box.Top + box.Height; y++)
        {
            source.Slice(((y * sourceWidth) + box.Left) * channels, box.Width * channels).Fill(constant);
        }

        Span<T> target = MemoryMarshal.Cast<byte, T>(memory.Bytes(width * height * channels * sizeof(T)));

        BoxResampler.Resize(source, sourceWidth, box, new ImageSpan<T>(target, width, height, channels, 255), new AugmentationScratch());

        foreach (T actual in target)
        {
            Assert.AreEqual(value, PixelValue.ToSingle(actual), 1e-3f, $"seed {seed}");
        }
    }

    private static ResampleAxis Axis(Random random, int source, int target)
    {
        double length = 0.5 + (random.NextDouble() * (source - 0.5)), start = random.NextDouble() * (source - length);
        return new ResampleAxis(source, random.Next(2) == 0 ? start : source - length, length, target, source) { Mirror = random.Next(2) == 0 };
    }

    private sealed class Guarded(Random random) : IDisposable
    {
        private readonly List<IDisposable> _memory = [];

        public Span<byte> Bytes(int count)
        {
            Span<byte> bytes = Zeros(count);
            random.NextBytes(bytes);
            return bytes;
        }

        public void Dispose() => _memory.ForEach(memory => memory.Dispose());

        private Span<byte> Zeros(int count)
        {
            if (!GuardedMemory.IsSupported || count == 0)
            {
                return new byte[count];
            }

            var memory = new GuardedMemory((nuint)count);
            _memory.Add(memory);
            return new Span<byte>(memory.Pointer, count);
        }
    }
}
