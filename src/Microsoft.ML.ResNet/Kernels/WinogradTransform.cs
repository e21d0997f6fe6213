using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// The transforms of F(2x2, 3x3), Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks": a 3x3 convolution of stride 1
/// takes 16 products for four results instead of 36. Its matrices hold 0, 1 and 1/2 alone, so that rounding errors stay those of a plain
/// convolution; those of F(4x4, 3x3), measured here too, are five to ten times as large.
/// </summary>
internal static unsafe class WinogradTransform
{
    /// <summary>The side of a tile of input, and of a tile of output.</summary>
    public const int InputSide = 4, OutputSide = 2;

    /// <summary>The products of a tile.</summary>
    public const int Points = InputSide * InputSide;

    private const int Lanes = 8;

    /// <summary>G g G^T of one 3x3 filter.</summary>
    /// <param name="filter">Nine values, row by row.</param>
    /// <param name="result">Sixteen values.</param>
    public static void Filter(double* filter, double* result)
    {
        double* rows = stackalloc double[InputSide * 3];
        for (int x = 0; x < 3; x++)
        {
            double top = filter[x], middle = filter[3 + x], bottom = filter[6 + x];
            rows[x] = top;
            rows[3 + x] = (top + middle + bottom) / 2;
            rows[6 + x] = (top - middle + bottom) / 2;
            rows[9 + x] = bottom;
        }

        for (int y = 0; y < InputSide; y++)
        {
            double left = rows[3 * y], middle = rows[(3 * y) + 1], right = rows[(3 * y) + 2];
            result[InputSide * y] = left;
            result[(InputSide * y) + 1] = (left + middle + right) / 2;
            result[(InputSide * y) + 2] = (left - middle + right) / 2;
            result[(InputSide * y) + 3] = right;
        }
    }

    /// <summary>G g G^T of eight filters at once, which lie side by side.</summary>
    /// <param name="filters">The first weight of each; the next weights follow at <paramref name="weightStride"/>.</param>
    /// <param name="isFlipped">Whether the filters are rotated by 180 degrees, as the gradient of the input needs them.</param>
    /// <param name="target">The first point of each; the next points follow at <paramref name="pointStride"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Filters(float* filters, nint weightStride, bool isFlipped, float* target, nint pointStride)
    {
        Vector256<float> half = Vector256.Create(0.5f);
        nint step = weightStride;
        if (isFlipped)
        {
            filters += 8 * weightStride;
            step = -weightStride;
        }

        Vector256<float> a0 = Avx.LoadVector256(filters), a1 = Avx.LoadVector256(filters + step), a2 = Avx.LoadVector256(filters + (2 * step));
        filters += 3 * step;
        Vector256<float> b0 = Avx.LoadVector256(filters), b1 = Avx.LoadVector256(filters + step), b2 = Avx.LoadVector256(filters + (2 * step));
        filters += 3 * step;
        Vector256<float> c0 = Avx.LoadVector256(filters), c1 = Avx.LoadVector256(filters + step), c2 = Avx.LoadVector256(filters + (2 * step));
        FilterRow(a0, a1, a2, half, target, pointStride);
        Vector256<float> outer0 = (a0 + c0) * half, outer1 = (a1 + c1) * half, outer2 = (a2 + c2) * half;
        Vector256<float> inner0 = b0 * half, inner1 = b1 * half, inner2 = b2 * half;
        FilterRow(outer0 + inner0, outer1 + inner1, outer2 + inner2, half, target + (4 * pointStride), pointStride);
        FilterRow(outer0 - inner0, outer1 - inner1, outer2 - inner2, half, target + (8 * pointStride), pointStride);
        FilterRow(c0, c1, c2, half, target + (12 * pointStride), pointStride);
    }

    /// <summary>G^T u G of eight filters at once: from the gradients of their points to those of their weights.</summary>
    /// <param name="points">The first point of each; the next points follow at <paramref name="pointStride"/>.</param>
    /// <param name="target">The first weight of each; the next weights follow at <paramref name="weightStride"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FilterGradients(float* points, nint pointStride, float* target, nint weightStride)
    {
        Vector256<float> half = Vector256.Create(0.5f);
        for (int x = 0; x < 3; x++, target += weightStride)
        {
            // Column x of u G, row by row.
            Vector256<float> a = FilterColumn(points, pointStride, x, half), b = FilterColumn(points + (4 * pointStride), pointStride, x, half);
            Vector256<float> c = FilterColumn(points + (8 * pointStride), pointStride, x, half), d = FilterColumn(points + (12 * pointStride), pointStride, x, half);
            (a + ((b + c) * half)).Store(target);
            ((b - c) * half).Store(target + (3 * weightStride));
            (((b + c) * half) + d).Store(target + (6 * weightStride));
        }
    }

    /// <summary>A y A^T of one tile, for every channel: from the gradients of a tile's results to those of its points.</summary>
    /// <param name="tile">The first pixel.</param>
    /// <param name="channels">A multiple of 8.</param>
    /// <param name="rows">The rows of the tile that are in the image, 1 or 2.</param>
    /// <param name="columns">The columns, 1 or 2.</param>
    /// <param name="target">The first point's values; those of the next point follow at <paramref name="pointStride"/>.</param>
    /// <param name="panelStride">The distance of sixteen channels to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OutputGradient(float* tile, nint rowStride, nint channels, int rows, int columns, float* target, nint pointStride, nint panelStride)
    {
        for (nint channel = 0; channel < channels; tile += Lanes, channel += Lanes, target += channel % MatrixKernel.Columns == 0 ? panelStride - Lanes : Lanes)
        {
            Vector256<float> zero = Vector256<float>.Zero;
            Vector256<float> topLeft = Avx.LoadVector256(tile);
            Vector256<float> topRight = columns > 1 ? Avx.LoadVector256(tile + channels) : zero;
            Vector256<float> bottomLeft = rows > 1 ? Avx.LoadVector256(tile + rowStride) : zero;
            Vector256<float> bottomRight = rows > 1 && columns > 1 ? Avx.LoadVector256(tile + rowStride + channels) : zero;
            OutputGradientRow(topLeft, topRight, target, pointStride);
            OutputGradientRow(topLeft + bottomLeft, topRight + bottomRight, target + (4 * pointStride), pointStride);
            OutputGradientRow(topLeft - bottomLeft, topRight - bottomRight, target + (8 * pointStride), pointStride);
            OutputGradientRow(zero - bottomLeft, zero - bottomRight, target + (12 * pointStride), pointStride);
        }
    }

    /// <summary>B^T d B of one tile, for every channel.</summary>
    /// <param name="tile">The first pixel; pixels lie <paramref name="channels"/> apart, rows <paramref name="rowStride"/>.</param>
    /// <param name="channels">A multiple of 8.</param>
    /// <param name="target">The first point's values; those of the next point follow at <paramref name="pointStride"/>.</param>
    /// <param name="panelStride">The distance of sixteen channels to the next: 16 where they lie side by side.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Input(float* tile, nint rowStride, nint channels, float* target, nint pointStride, nint panelStride)
    {
        for (nint channel = 0; channel < channels; tile += Lanes, channel += Lanes, target += channel % MatrixKernel.Columns == 0 ? panelStride - Lanes : Lanes)
        {
            float* row = tile;
            Vector256<float> a0 = Avx.LoadVector256(row), a1 = Avx.LoadVector256(row + channels);
            Vector256<float> a2 = Avx.LoadVector256(row + (2 * channels)), a3 = Avx.LoadVector256(row + (3 * channels));
            row += 2 * rowStride;
            Vector256<float> c0 = Avx.LoadVector256(row), c1 = Avx.LoadVector256(row + channels);
            Vector256<float> c2 = Avx.LoadVector256(row + (2 * channels)), c3 = Avx.LoadVector256(row + (3 * channels));
            InputRow(a0 - c0, a1 - c1, a2 - c2, a3 - c3, target, pointStride);
            row = tile + rowStride;
            Vector256<float> b0 = Avx.LoadVector256(row), b1 = Avx.LoadVector256(row + channels);
            Vector256<float> b2 = Avx.LoadVector256(row + (2 * channels)), b3 = Avx.LoadVector256(row + (3 * channels));
            InputRow(b0 + c0, b1 + c1, b2 + c2, b3 + c3, target + (4 * pointStride), pointStride);
            InputRow(c0 - b0, c1 - b1, c2 - b2, c3 - b3, target + (8 * pointStride), pointStride);
            row += 2 * rowStride;
            InputRow(
                b0 - Avx.LoadVector256(row),
                b1 - Avx.LoadVector256(row + channels),
                b2 - Avx.LoadVector256(row + (2 * channels)),
                b3 - Avx.LoadVector256(row + (3 * channels)),
                target + (12 * pointStride),
                pointStride);
        }
    }

    /// <summary>A^T m A of one tile, plus bias and residual, with a ReLU as asked, for every channel.</summary>
    /// <param name="products">The first point's sums of all channels; those of the next point follow at <paramref name="pointStride"/>.</param>
    /// <param name="channels">A multiple of 8.</param>
    /// <param name="target">The first pixel.</param>
    /// <param name="residual">Laid out as the target, or null.</param>
    /// <param name="rows">The rows of the tile that are in the image, 1 or 2.</param>
    /// <param name="columns">The columns, 1 or 2.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Output(
        float* products, nint pointStride, nint channels, float* bias, float* target, nint rowStride, nint pixelStride, float* residual, bool relu, int rows, int columns)
    {
        // Beyond the image's edge the tile's inner pixel is stored again, before the pixel that belongs there.
        nint right = columns > 1 ? pixelStride : 0, below = rows > 1 ? rowStride : 0;
        nint fromSummand = residual is null ? 0 : (nint)(residual - target);
        for (nint channel = 0; channel < channels; channel += Lanes, products += Lanes, bias += Lanes, target += Lanes)
        {
            OutputRow(products, pointStride, out Vector256<float> a0, out Vector256<float> a1);
            OutputRow(products + (4 * pointStride), pointStride, out Vector256<float> b0, out Vector256<float> b1);
            OutputRow(products + (8 * pointStride), pointStride, out Vector256<float> c0, out Vector256<float> c1);
            OutputRow(products + (12 * pointStride), pointStride, out Vector256<float> d0, out Vector256<float> d1);
            Vector256<float> added = Avx.LoadVector256(bias);
            Vector256<float> topLeft = a0 + b0 + c0 + added, topRight = a1 + b1 + c1 + added;
            Vector256<float> bottomLeft = b0 - c0 - d0 + added, bottomRight = b1 - c1 - d1 + added;
            if (residual is not null)
            {
                float* other = target + fromSummand;
                topLeft += Avx.LoadVector256(other);
                topRight += Avx.LoadVector256(other + right);
                bottomLeft += Avx.LoadVector256(other + below);
                bottomRight += Avx.LoadVector256(other + below + right);
            }

            if (relu)
            {
                // Of two operands of which one is NaN, the processor's maximum is the second: NaN stays.
                topLeft = Avx.Max(Vector256<float>.Zero, topLeft);
                topRight = Avx.Max(Vector256<float>.Zero, topRight);
                bottomLeft = Avx.Max(Vector256<float>.Zero, bottomLeft);
                bottomRight = Avx.Max(Vector256<float>.Zero, bottomRight);
            }

            bottomRight.Store(target + below + right);
            bottomLeft.Store(target + below);
            topRight.Store(target + right);
            topLeft.Store(target);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FilterRow(Vector256<float> left, Vector256<float> middle, Vector256<float> right, Vector256<float> half, float* target, nint pointStride)
    {
        Vector256<float> outer = (left + right) * half, inner = middle * half;
        left.Store(target);
        (outer + inner).Store(target + pointStride);
        (outer - inner).Store(target + (2 * pointStride));
        right.Store(target + (3 * pointStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> FilterColumn(float* points, nint pointStride, int column, Vector256<float> half)
    {
        Vector256<float> b = Avx.LoadVector256(points + pointStride), c = Avx.LoadVector256(points + (2 * pointStride));
        return column switch
        {
            0 => Avx.LoadVector256(points) + ((b + c) * half),
            1 => (b - c) * half,
            _ => ((b + c) * half) + Avx.LoadVector256(points + (3 * pointStride)),
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputGradientRow(Vector256<float> left, Vector256<float> right, float* target, nint pointStride)
    {
        left.Store(target);
        (left + right).Store(target + pointStride);
        (left - right).Store(target + (2 * pointStride));
        (Vector256<float>.Zero - right).Store(target + (3 * pointStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void InputRow(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d, float* target, nint pointStride)
    {
        (a - c).Store(target);
        (b + c).Store(target + pointStride);
        (c - b).Store(target + (2 * pointStride));
        (b - d).Store(target + (3 * pointStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputRow(float* products, nint pointStride, out Vector256<float> left, out Vector256<float> right)
    {
        Vector256<float> b = Avx.LoadVector256(products + pointStride), c = Avx.LoadVector256(products + (2 * pointStride));
        left = Avx.LoadVector256(products) + b + c;
        right = b - c - Avx.LoadVector256(products + (3 * pointStride));
    }
}
