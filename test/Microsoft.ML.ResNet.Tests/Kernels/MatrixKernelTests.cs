using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests.Kernels;

/// <summary>The innermost loops beside plain ones, on sizes drawn at random, in buffers that end before a page that may not be touched.</summary>
[TestClass]
public sealed unsafe class MatrixKernelTests
{
    private const int Cases = 250, Rows = MatrixKernel.Rows, Columns = MatrixKernel.Columns;

    [TestInitialize]
    public void RequireInstructions() => VectorInstructions.Require();

    [TestMethod]
    public void Multiply_RandomSizes_EqualsThePlainLoop() => Each((item, buffers) =>
    {
        int segmentCount = item.Next(0, 9), length = item.Next(1, 40), space = item.Next(length, 200);
        nint* rows = stackalloc nint[Rows], targets = stackalloc nint[Rows], segments = stackalloc nint[Math.Max(1, segmentCount)];
        for (int row = 0; row < Rows; row++)
        {
            // Some of the last rows are the same, as where a block has fewer pixels.
            rows[row] = item.Next(0, space - length);
            targets[row] = row * (nint)Columns;
        }

        for (int segment = 0; segment < segmentCount; segment++)
        {
            segments[segment] = item.Next(0, 50);
        }

        float* a = buffers.Values(space + 50), b = buffers.Values(Math.Max(1, (long)segmentCount * length * Columns)), bias = item.Coin() ? buffers.Values(Columns) : null;
        float* target = buffers.Zeros(Rows * Columns), residual = item.Coin() ? buffers.Values(Rows * Columns) : null;
        bool relu = item.Coin();

        MatrixKernel.Multiply(a, rows, segments, segmentCount, length, b, new MatrixKernel.Epilogue(target, targets, bias, residual, relu));

        for (int row = 0; row < Rows; row++)
        {
            for (int column = 0; column < Columns; column++)
            {
                double sum = (bias == null ? 0 : bias[column]) + (residual == null ? 0 : residual[targets[row] + column]);
                for (int segment = 0; segment < segmentCount; segment++)
                {
                    sum += Product(a + rows[row] + segments[segment], b + ((long)segment * length * Columns) + column, length);
                }

                Assert.AreEqual(relu ? Math.Max(0, sum) : sum, target[targets[row] + column], 2e-5, $"{segmentCount} segments of {length}");
            }
        }
    });

    [TestMethod]
    public void AccumulatePanels_RandomDepths_EqualsThePlainLoop() => Each((item, buffers) =>
    {
        int depth = item.Next(0, 100);
        float* a = buffers.Values(Math.Max(1, (long)depth * Columns)), b = buffers.Values(Math.Max(1, (long)depth * Columns)), target = buffers.Values(Columns * Columns);
        float[] before = new ReadOnlySpan<float>(target, Columns * Columns).ToArray();

        MatrixKernel.AccumulatePanels(a, b, depth, target);

        for (int i = 0; i < before.Length; i++)
        {
            double sum = before[i];
            for (int k = 0; k < depth; k++)
            {
                sum += (double)a[(k * Columns) + (i / Columns)] * b[(k * Columns) + (i % Columns)];
            }

            Assert.AreEqual(sum, target[i], 2e-5, $"depth {depth}");
        }
    });

    [TestMethod]
    public void ElementKernel_RandomSizes_EqualsThePlainLoop() => Each((item, buffers) =>
    {
        int count = item.Next(1, 40), stride = Columns + item.Next(0, 30), length = 8 * item.Next(1, 20);
        float* source = buffers.Values(((count - 1L) * stride) + Columns), byStride = buffers.Zeros((long)count * Columns), byOffsets = buffers.Zeros((long)count * Columns);
        float* target = buffers.Values(length), residual = buffers.Values(length);
        float[] before = new ReadOnlySpan<float>(target, length).ToArray();
        nint* offsets = stackalloc nint[count];
        for (int i = 0; i < count; i++)
        {
            offsets[i] = (count - 1 - i) * (nint)stride;
        }

        ElementKernel.CopySixteens(source, stride, count, byStride);
        ElementKernel.CopySixteens(source, offsets, count, byOffsets);
        ElementKernel.Add(target, residual, length);

        for (int i = 0; i < count * Columns; i++)
        {
            Assert.AreEqual(source[(i / Columns * stride) + (i % Columns)], byStride[i]);
            Assert.AreEqual(source[offsets[i / Columns] + (i % Columns)], byOffsets[i]);
        }

        for (int i = 0; i < length; i++)
        {
            Assert.AreEqual(before[i] + residual[i], target[i]);
        }
    });

    private static void Each(Action<KernelCase, KernelBuffers> check)
    {
        for (int seed = 0; seed < Cases; seed++)
        {
            var item = new KernelCase(seed);
            using var buffers = new KernelBuffers(item.Random);
            check(item, buffers);
        }
    }

    private static double Product(float* row, float* column, int depth)
    {
        double sum = 0;
        for (int k = 0; k < depth; k++)
        {
            sum += (double)row[k] * column[(long)k * Columns];
        }

        return sum;
    }
}
