using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests.Kernels;

/// <summary>The innermost loops beside plain ones, on sizes drawn at random, in buffers that end before a page that may not be touched.</summary>
[TestClass]
[DoNotParallelize]
public sealed unsafe class MatrixKernelTests
{
    private const int Cases = 250, Rows = MatrixKernel.Rows, Columns = MatrixKernel.Columns;

    [TestInitialize]
    public void RequireInstructions() => VectorInstructions.Require();

    [TestMethod]
    public void Multiply_RandomSizes_EqualsThePlainLoop() => Each((item, buffers) =>
    {
        // Now and then longer than one run, in one segment or in several.
        int segmentCount = item.Next(0, 9), length = item.Coin() ? item.Next(1, 40) : item.Next(1, 500), space = item.Next(length, length + 200);
        int rowCount = item.Next(1, 20), filled = (rowCount + Rows - 1) / Rows * Rows, panelCount = item.Next(1, MatrixKernel.PanelsAtOnce), columns = panelCount * Columns;
        nint* sources = stackalloc nint[filled], targets = stackalloc nint[filled], segments = stackalloc nint[Math.Max(1, segmentCount)];
        for (int row = 0; row < filled; row++)
        {
            // The last rows are the same, where there are too few for a whole call.
            sources[row] = row < rowCount ? item.Next(0, space - length) : sources[rowCount - 1];
            targets[row] = Math.Min(row, rowCount - 1) * (nint)columns;
        }

        for (int segment = 0; segment < segmentCount; segment++)
        {
            segments[segment] = item.Next(0, 50);
        }

        long panelLength = Math.Max(1, (long)segmentCount * length * Columns);
        float* a = buffers.Values(space + 50), b = buffers.Values(panelLength * panelCount), bias = item.Coin() ? buffers.Values(columns) : null;
        float* target = buffers.Zeros(rowCount * columns), residual = item.Coin() ? buffers.Values(rowCount * columns) : null;
        bool relu = item.Coin();

        MatrixKernel.Multiply(
            a, sources, targets, rowCount, segments, segmentCount, length, new MatrixKernel.Panels(b, (nint)panelLength, panelCount), new MatrixKernel.Epilogue(target, bias, residual, relu));

        for (int row = 0; row < rowCount; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                double sum = (bias == null ? 0 : bias[column]) + (residual == null ? 0 : residual[targets[row] + column]);
                for (int segment = 0; segment < segmentCount; segment++)
                {
                    sum += Product(a + sources[row] + segments[segment], b + (column / Columns * panelLength) + ((long)segment * length * Columns) + (column % Columns), length);
                }

                Assert.AreEqual(relu ? Math.Max(0, sum) : sum, target[targets[row] + column], 4e-6 * (4 + Math.Sqrt(segmentCount * length)), $"{rowCount} rows, {panelCount} panels, {segmentCount} segments of {length}, {item}");
            }
        }
    });

    [TestMethod]
    public void AccumulatePanels_RandomDepths_EqualsThePlainLoop() => Each((item, buffers) =>
    {
        int depth = item.Next(0, 100), panelCount = item.Next(1, 5), targetStride = (Columns * Columns) + item.Next(0, 3);
        long panelLength = Math.Max(1, (long)depth * Columns);
        float* a = buffers.Values(panelLength), b = buffers.Values(panelLength * panelCount), target = buffers.Values(((panelCount - 1) * targetStride) + (Columns * Columns));
        float[] before = new ReadOnlySpan<float>(target, ((panelCount - 1) * targetStride) + (Columns * Columns)).ToArray();

        MatrixKernel.AccumulatePanels(a, new MatrixKernel.Panels(b, (nint)panelLength, panelCount), depth, target, targetStride);

        for (int i = 0; i < before.Length; i++)
        {
            int panel = i / targetStride, at = i % targetStride;
            double sum = before[i];
            for (int k = 0; at < Columns * Columns && k < depth; k++)
            {
                sum += (double)a[(k * Columns) + (at / Columns)] * b[(panel * panelLength) + (k * Columns) + (at % Columns)];
            }

            Assert.AreEqual(sum, target[i], 2e-5, $"depth {depth}, {panelCount} panels, {item}");
        }
    });

    [TestMethod]
    public void ElementKernel_RandomSizes_EqualsThePlainLoop() => Each((item, buffers) =>
    {
        int count = item.Next(1, 40), stride = Columns + item.Next(0, 30), length = Columns * item.Next(1, 10);
        float* source = buffers.Values(((count - 1L) * stride) + Columns), target = buffers.Values(length), residual = buffers.Values(length);
        float[] before = new ReadOnlySpan<float>(target, length).ToArray();
        nint* offsets = stackalloc nint[count];
        for (int i = 0; i < count; i++)
        {
            offsets[i] = (count - 1 - i) * (nint)stride;
        }

        var results = new ElementResults(source, stride, offsets, count, buffers.Zeros((long)count * Columns), buffers.Zeros((long)count * Columns), target, residual, length);
        results.Do(0, 0);

        for (int i = 0; i < count * Columns; i++)
        {
            Assert.AreEqual(source[(i / Columns * stride) + (i % Columns)], results.ByStride[i], $"{item}");
            Assert.AreEqual(source[offsets[i / Columns] + (i % Columns)], results.ByOffsets[i], $"{item}");
        }

        for (int i = 0; i < length; i++)
        {
            Assert.AreEqual(before[i] + residual[i], target[i], $"{item}");
        }
    });

    [TestMethod]
    public void Multiply_EveryWidth_GivesTheSameBits()
    {
        using var buffers = new KernelBuffers(new Random(1));
        const int rowCount = 11, length = 450, filled = 12;
        nint* sources = stackalloc nint[filled], targets = stackalloc nint[filled];
        for (int row = 0; row < filled; row++)
        {
            sources[row] = Math.Min(row, rowCount - 1) * (nint)length;
            targets[row] = Math.Min(row, rowCount - 1) * (nint)Columns;
        }

        float* a = buffers.Values(rowCount * length), b = buffers.Values(length * Columns), bias = buffers.Values(Columns);
        float[]? first = null;
        foreach (int lanes in KernelLanes.All)
        {
            using KernelLanes width = KernelLanes.Use(lanes);
            float* target = buffers.Zeros(rowCount * Columns);
            nint segment = 0;

            MatrixKernel.Multiply(a, sources, targets, rowCount, &segment, 1, length, new MatrixKernel.Panels(b, length * Columns, 1), new MatrixKernel.Epilogue(target, bias, null, relu: true));

            float[] values = new ReadOnlySpan<float>(target, rowCount * Columns).ToArray();
            CollectionAssert.AreEqual(first ??= values, values, $"{lanes} lanes");
        }
    }

    private static void Each(Action<KernelCase, KernelBuffers> check)
    {
        for (int seed = 0; seed < Cases; seed++)
        {
            var item = new KernelCase(seed);
            using KernelLanes lanes = KernelLanes.Use(item.Lanes);
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

    /// <summary>What <see cref="ElementKernel"/> makes of values, in the width that is set.</summary>
    private sealed class ElementResults(
        float* source, nint stride, nint* offsets, int count, float* byStride, float* byOffsets, float* target, float* residual, nint length) : LaneWork
    {
        private readonly nint _source = (nint)source, _offsets = (nint)offsets, _target = (nint)target, _residual = (nint)residual, _byStride = (nint)byStride, _byOffsets = (nint)byOffsets;

        public float* ByStride => (float*)_byStride;

        public float* ByOffsets => (float*)_byOffsets;

        protected override void Do<T>(int item, int worker)
        {
            ElementKernel.CopySixteens<T>((float*)_source, stride, count, ByStride);
            ElementKernel.CopySixteens<T>((float*)_source, (nint*)_offsets, count, ByOffsets);
            ElementKernel.Add<T>((float*)_target, (float*)_residual, length);
        }
    }
}
