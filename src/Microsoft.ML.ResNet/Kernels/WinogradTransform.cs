using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

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

    /// <summary>G g G^T of 3x3 filters that lie side by side, in double precision.</summary>
    /// <param name="filters">[9, count].</param>
    /// <param name="result">[16, count].</param>
    /// <param name="count">A multiple of four.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Filters(double* filters, double* result, int count)
    {
        var half = Vector256.Create(0.5);
        Vector256<double>* rows = stackalloc Vector256<double>[InputSide * 3];
        for (int i = 0; i < count; i += Vector256<double>.Count)
        {
            for (int x = 0; x < 3; x++)
            {
                Vector256<double> top = Vector256.Load(filters + (x * count) + i), middle = Vector256.Load(filters + ((3 + x) * count) + i), bottom = Vector256.Load(filters + ((6 + x) * count) + i);
                rows[x] = top;
                rows[3 + x] = (top + middle + bottom) * half;
                rows[6 + x] = (top - middle + bottom) * half;
                rows[9 + x] = bottom;
            }

            for (int y = 0; y < InputSide; y++)
            {
                Vector256<double> left = rows[3 * y], middle = rows[(3 * y) + 1], right = rows[(3 * y) + 2];
                double* target = result + (InputSide * y * count) + i;
                left.Store(target);
                ((left + middle + right) * half).Store(target + count);
                ((left - middle + right) * half).Store(target + (2 * count));
                right.Store(target + (3 * count));
            }
        }
    }

    /// <summary>G g G^T of as many filters as there are lanes at once, which lie side by side.</summary>
    /// <param name="filters">The first weight of each; the next weights follow at <paramref name="weightStride"/>.</param>
    /// <param name="isFlipped">Whether the filters are rotated by 180 degrees, as the gradient of the input needs them.</param>
    /// <param name="target">The first point of each; the next points follow at <paramref name="pointStride"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Filters<T>(float* filters, nint weightStride, bool isFlipped, float* target, nint pointStride)
        where T : unmanaged, ILanes<T>
    {
        T half = T.Broadcast(0.5f);
        nint step = weightStride;
        if (isFlipped)
        {
            filters += 8 * weightStride;
            step = -weightStride;
        }

        T a0 = T.Load(filters), a1 = T.Load(filters + step), a2 = T.Load(filters + (2 * step));
        filters += 3 * step;
        T b0 = T.Load(filters), b1 = T.Load(filters + step), b2 = T.Load(filters + (2 * step));
        filters += 3 * step;
        T c0 = T.Load(filters), c1 = T.Load(filters + step), c2 = T.Load(filters + (2 * step));
        FilterRow(a0, a1, a2, half, target, pointStride);
        T outer0 = (a0 + c0) * half, outer1 = (a1 + c1) * half, outer2 = (a2 + c2) * half;
        T inner0 = b0 * half, inner1 = b1 * half, inner2 = b2 * half;
        FilterRow(outer0 + inner0, outer1 + inner1, outer2 + inner2, half, target + (4 * pointStride), pointStride);
        FilterRow(outer0 - inner0, outer1 - inner1, outer2 - inner2, half, target + (8 * pointStride), pointStride);
        FilterRow(c0, c1, c2, half, target + (12 * pointStride), pointStride);
    }

    /// <summary>G^T u G of as many filters as there are lanes at once: from the gradients of their points to those of their weights.</summary>
    /// <param name="points">The first point of each; the next points follow at <paramref name="pointStride"/>.</param>
    /// <param name="target">The first weight of each; the next weights follow at <paramref name="weightStride"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FilterGradients<T>(float* points, nint pointStride, float* target, nint weightStride)
        where T : unmanaged, ILanes<T>
    {
        T half = T.Broadcast(0.5f);
        for (int x = 0; x < 3; x++, target += weightStride)
        {
            // Column x of u G, row by row.
            T a = FilterColumn<T>(points, pointStride, x, half), b = FilterColumn<T>(points + (4 * pointStride), pointStride, x, half);
            T c = FilterColumn<T>(points + (8 * pointStride), pointStride, x, half), d = FilterColumn<T>(points + (12 * pointStride), pointStride, x, half);
            (a + ((b + c) * half)).Store(target);
            ((b - c) * half).Store(target + (3 * weightStride));
            (((b + c) * half) + d).Store(target + (6 * weightStride));
        }
    }

    /// <summary>A y A^T of one tile, for every channel: from the gradients of a tile's results to those of its points.</summary>
    /// <param name="tile">The first pixel.</param>
    /// <param name="channels">A multiple of 16.</param>
    /// <param name="rows">The rows of the tile that are in the image, 1 or 2.</param>
    /// <param name="columns">The columns, 1 or 2.</param>
    /// <param name="target">The first point's values; those of the next point follow at <paramref name="pointStride"/>.</param>
    /// <param name="panelStride">The distance of sixteen channels to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OutputGradient<T>(float* tile, nint rowStride, nint channels, int rows, int columns, float* target, nint pointStride, nint panelStride)
        where T : unmanaged, ILanes<T>
    {
        for (nint channel = 0; channel < channels; tile += T.Count, channel += T.Count, target += channel % MatrixKernel.Columns == 0 ? panelStride - (MatrixKernel.Columns - T.Count) : T.Count)
        {
            T zero = default;
            T topLeft = T.Load(tile);
            T topRight = columns > 1 ? T.Load(tile + channels) : zero;
            T bottomLeft = rows > 1 ? T.Load(tile + rowStride) : zero;
            T bottomRight = rows > 1 && columns > 1 ? T.Load(tile + rowStride + channels) : zero;
            OutputGradientRow(topLeft, topRight, target, pointStride);
            OutputGradientRow(topLeft + bottomLeft, topRight + bottomRight, target + (4 * pointStride), pointStride);
            OutputGradientRow(topLeft - bottomLeft, topRight - bottomRight, target + (8 * pointStride), pointStride);
            OutputGradientRow(zero - bottomLeft, zero - bottomRight, target + (12 * pointStride), pointStride);
        }
    }

    /// <summary>B^T d B of tiles side by side, for every channel. Two columns of pixels of a tile are the next one's, too.</summary>
    /// <param name="y">The first row of the tiles of output.</param>
    /// <param name="x">The first column of the first one.</param>
    /// <param name="zeros">A pixel of zeros, which rows beyond the image's edge consist of.</param>
    /// <param name="target">The first tile's and point's values; those of the next tile follow at <paramref name="tileStride"/>, of the next point at <paramref name="pointStride"/>.</param>
    /// <param name="panelStride">The distance of sixteen channels to the next: 16 where they lie side by side.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Inputs<T>(Activations input, int image, int y, int x, int tiles, float* zeros, float* target, nint tileStride, nint pointStride, nint panelStride)
        where T : unmanaged, ILanes<T>
    {
        nint channels = input.Channels, rowStride = input.Width * channels;
        float* second = input.Pointer + ((((nint)image * input.Height) + y) * rowStride);
        float* first = y > 0 ? second - rowStride : zeros;
        float* third = y + 1 < input.Height ? second + rowStride : zeros;
        float* fourth = y + 2 < input.Height ? second + (2 * rowStride) : zeros;
        nint firstStep = y > 0 ? channels : 0, thirdStep = y + 1 < input.Height ? channels : 0, fourthStep = y + 2 < input.Height ? channels : 0;
        for (nint channel = 0; channel < channels; channel += T.Count, first += T.Count, second += T.Count, third += T.Count, fourth += T.Count)
        {
            float* to = target + (channel / MatrixKernel.Columns * panelStride) + (channel % MatrixKernel.Columns);
            nint column = x - 1;
            T a0, a1, a2, a3, b0, b1, b2, b3;
            T c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default;

            // Before the first tile its left columns.
            for (int tile = -1; tile < tiles; tile++)
            {
                (a0, a1, a2, a3) = (c0, c1, c2, c3);
                (b0, b1, b2, b3) = (d0, d1, d2, d3);
                InputColumn(first, second, third, fourth, column, input.Width, firstStep, channels, thirdStep, fourthStep, out c0, out c1, out c2, out c3);
                InputColumn(first, second, third, fourth, column + 1, input.Width, firstStep, channels, thirdStep, fourthStep, out d0, out d1, out d2, out d3);
                column += OutputSide;
                if (tile < 0)
                {
                    continue;
                }

                InputRow(a0, b0, c0, d0, to, pointStride);
                InputRow(a1, b1, c1, d1, to + (4 * pointStride), pointStride);
                InputRow(a2, b2, c2, d2, to + (8 * pointStride), pointStride);
                InputRow(a3, b3, c3, d3, to + (12 * pointStride), pointStride);
                to += tileStride;
            }
        }
    }

    /// <summary>A^T m A of tiles side by side, plus bias and residual, with a ReLU as asked, for every channel.</summary>
    /// <param name="products">The first tile's and point's sums of all channels; those of the next tile follow them, those of the next point at <paramref name="pointStride"/>.</param>
    /// <param name="channels">A multiple of 16.</param>
    /// <param name="target">The first pixel.</param>
    /// <param name="residual">Laid out as the target, or null.</param>
    /// <param name="rows">The rows of the image from the tiles' first on.</param>
    /// <param name="columns">The columns from the first tile's first on.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Outputs<T>(
        float* products, nint pointStride, nint channels, int tiles, float* bias, float* target, nint rowStride, nint pixelStride, float* residual, bool relu, int rows, int columns)
        where T : unmanaged, ILanes<T>
    {
        // Beyond the image's edge the tile's inner pixel is stored again, before the pixel that belongs there.
        nint below = rows > 1 ? rowStride : 0;
        nint fromSummand = residual is null ? 0 : (nint)(residual - target);
        T floor = T.Broadcast(relu ? 0 : float.NegativeInfinity);
        for (nint channel = 0; channel < channels; channel += T.Count)
        {
            T added = T.Load(bias + channel);
            float* from = products + channel, to = target + channel;
            for (int tile = 0, left = columns; tile < tiles; tile++, left -= OutputSide, from += channels, to += OutputSide * pixelStride)
            {
                nint right = left > 1 ? pixelStride : 0;
                OutputRow<T>(from, pointStride, out T a0, out T a1);
                OutputRow<T>(from + (4 * pointStride), pointStride, out T b0, out T b1);
                OutputRow<T>(from + (8 * pointStride), pointStride, out T c0, out T c1);
                OutputRow<T>(from + (12 * pointStride), pointStride, out T d0, out T d1);
                T topLeft = a0 + b0 + c0 + added, topRight = a1 + b1 + c1 + added;
                T bottomLeft = b0 - c0 - d0 + added, bottomRight = b1 - c1 - d1 + added;
                if (residual is not null)
                {
                    float* other = to + fromSummand;
                    topLeft += T.Load(other);
                    topRight += T.Load(other + right);
                    bottomLeft += T.Load(other + below);
                    bottomRight += T.Load(other + below + right);
                }

                // NaN stays.
                T.Max(floor, bottomRight).Store(to + below + right);
                T.Max(floor, bottomLeft).Store(to + below);
                T.Max(floor, topRight).Store(to + right);
                T.Max(floor, topLeft).Store(to);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FilterRow<T>(T left, T middle, T right, T half, float* target, nint pointStride)
        where T : unmanaged, ILanes<T>
    {
        T outer = (left + right) * half, inner = middle * half;
        left.Store(target);
        (outer + inner).Store(target + pointStride);
        (outer - inner).Store(target + (2 * pointStride));
        right.Store(target + (3 * pointStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T FilterColumn<T>(float* points, nint pointStride, int column, T half)
        where T : unmanaged, ILanes<T>
    {
        T b = T.Load(points + pointStride), c = T.Load(points + (2 * pointStride));
        return column switch
        {
            0 => T.Load(points) + ((b + c) * half),
            1 => (b - c) * half,
            _ => ((b + c) * half) + T.Load(points + (3 * pointStride)),
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputGradientRow<T>(T left, T right, float* target, nint pointStride)
        where T : unmanaged, ILanes<T>
    {
        T zero = default;
        left.Store(target);
        (left + right).Store(target + pointStride);
        (left - right).Store(target + (2 * pointStride));
        (zero - right).Store(target + (3 * pointStride));
    }

    /// <summary>B^T times a column of four pixels, which are zeros where the column is beyond the image's edge.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void InputColumn<T>(
        float* first, float* second, float* third, float* fourth, nint column, nint width, nint firstStep, nint step, nint thirdStep, nint fourthStep, out T a, out T b, out T c, out T d)
        where T : unmanaged, ILanes<T>
    {
        T row0 = default, row1 = default, row2 = default, row3 = default;
        if ((nuint)column < (nuint)width)
        {
            row0 = T.Load(first + (column * firstStep));
            row1 = T.Load(second + (column * step));
            row2 = T.Load(third + (column * thirdStep));
            row3 = T.Load(fourth + (column * fourthStep));
        }

        a = row0 - row2;
        b = row1 + row2;
        c = row2 - row1;
        d = row1 - row3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void InputRow<T>(T a, T b, T c, T d, float* target, nint pointStride)
        where T : unmanaged, ILanes<T>
    {
        (a - c).Store(target);
        (b + c).Store(target + pointStride);
        (c - b).Store(target + (2 * pointStride));
        (b - d).Store(target + (3 * pointStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputRow<T>(float* products, nint pointStride, out T left, out T right)
        where T : unmanaged, ILanes<T>
    {
        T b = T.Load(products + pointStride), c = T.Load(products + (2 * pointStride));
        left = T.Load(products) + b + c;
        right = b - c - T.Load(products + (3 * pointStride));
    }
}
