using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// The innermost loops of convolutions: products of <see cref="Rows"/> rows with panels of <see cref="Columns"/> columns, whose sums stay in
/// registers. With AVX-512 and on Arm64 those are 24 of 32, with AVX2 twelve of sixteen; one more holds the row's value, the others the
/// columns' weights.
/// </summary>
internal static unsafe partial class MatrixKernel
{
    public const int Rows = 6;

    /// <summary>The columns of a panel.</summary>
    public const int Columns = 16;

    /// <summary>
    /// The products that a row's sum takes before it is the next row's turn. The weights of so many, of all panels that are multiplied at once, stay
    /// in the cache next to the core, which has 48 KiB in processors with AVX-512, while rows go by.
    /// </summary>
    private const int LongestRun = 192;

    /// <summary>The floats of a cache line.</summary>
    private const int CacheLine = 16;

    public static bool IsSupported => KernelWidth.IsSupported;

    /// <summary>How many panels are multiplied at once.</summary>
    public static int PanelsAtOnce => KernelWidth.Lanes == Columns ? 4 : 1;

    /// <summary>Multiplies rows that are gathered from segments of memory with panels, then adds bias and residual and applies a ReLU as asked.</summary>
    /// <param name="a">What offsets of the source are counted from.</param>
    /// <param name="sources">The offset of each row, up to a multiple of <see cref="Rows"/>: what is missing repeats the last one.</param>
    /// <param name="targets">Likewise, the offset of each row's sums in the target.</param>
    /// <param name="segments">Offsets that are added to those of the rows: where each part of a row lies.</param>
    /// <param name="length">The values of a segment.</param>
    /// <param name="panels">At most <see cref="PanelsAtOnce"/>.</param>
    /// <param name="epilogue">Where sums go, and what is done to them before.</param>
    public static void Multiply(
        float* a, nint* sources, nint* targets, int rowCount, nint* segments, int segmentCount, nint length, in Panels panels, in Epilogue epilogue)
    {
        // Longer sums are taken up again from the target.
        int segmentsInRun = length > LongestRun ? 1 : LongestRun / (int)Math.Max(length, 1);
        nint runs = Math.Max(1, (length + LongestRun - 1) / LongestRun), longest = (length + runs - 1) / runs;
        int first = 0;
        do
        {
            int count = Math.Min(segmentsInRun, segmentCount - first);
            for (nint run = 0, start = 0; run < runs; run++, start += longest)
            {
                var part = new Run
                {
                    A = a + start,
                    Sources = sources,
                    Targets = targets,
                    RowCount = rowCount,
                    Segments = segments + first,
                    SegmentCount = count,
                    Length = Math.Min(longest, length - start),
                    Next = longest,
                    B = panels.Pointer + (((first * length) + start) * Columns),
                    PanelStride = panels.Stride,
                    FetchesRows = panels.AreFirst && Sse.IsSupported,
                    Continues = first > 0 || run > 0,
                    IsLast = first + count >= segmentCount && run == runs - 1,
                };
                Multiply(part, panels.Count, epilogue);
            }

            first += segmentsInRun;
        }
        while (first < segmentCount);
    }

    /// <summary>Adds the products of the transpose of one panel with others, sixteen rows and columns each, to sums.</summary>
    /// <param name="a">[depth, 16]: the rows of the product.</param>
    /// <param name="b">[depth, 16] each: its columns.</param>
    /// <param name="target">[16, 16] for each panel of columns.</param>
    /// <param name="targetStride">From the sums of one panel to the next one's.</param>
    public static void AccumulatePanels(float* a, in Panels b, nint depth, float* target, nint targetStride)
    {
        const int half = Columns / 2, quarter = Columns / 4;
        if (KernelWidth.Lanes == Columns)
        {
            int panel = 0;
            for (; panel + 2 <= b.Count; panel += 2)
            {
                float* columns = b.Pointer + (panel * b.Stride), sums = target + (panel * targetStride);
                AccumulateEightByTwo<Lanes16>(a, columns, b.Stride, depth, sums, targetStride);
                AccumulateEightByTwo<Lanes16>(a + half, columns, b.Stride, depth, sums + (half * Columns), targetStride);
            }

            if (panel < b.Count)
            {
                float* columns = b.Pointer + (panel * b.Stride), sums = target + (panel * targetStride);
                AccumulateEight<Lanes16>(a, columns, depth, sums);
                AccumulateEight<Lanes16>(a + half, columns, depth, sums + (half * Columns));
            }

            return;
        }

        for (int panel = 0; panel < b.Count; panel++)
        {
            float* columns = b.Pointer + (panel * b.Stride), sums = target + (panel * targetStride);
            for (int row = 0; row < Columns; row += 4)
            {
                float* rowSums = sums + (row * Columns);
                if (KernelWidth.Lanes == half)
                {
                    AccumulateFourByTwo<Lanes8>(a + row, columns, half, depth, rowSums, half);
                }
                else
                {
                    AccumulateFourByTwo<Lanes4>(a + row, columns, quarter, depth, rowSums, quarter);
                    AccumulateFourByTwo<Lanes4>(a + row, columns + half, quarter, depth, rowSums + half, quarter);
                }
            }
        }
    }

    private static void Multiply(in Run run, int panels, in Epilogue epilogue)
    {
        if (KernelWidth.Lanes == Columns && panels == 4)
        {
            SixByFour<Lanes16>(run, epilogue, 0, run.PanelStride);
            return;
        }

        int panel = 0;
        for (; KernelWidth.Lanes == Columns && panel + 2 <= panels; panel += 2)
        {
            SixByTwo<Lanes16>(run, epilogue, panel, run.PanelStride);
        }

        for (; panel < panels; panel++)
        {
            switch (KernelWidth.Lanes)
            {
                case Columns:
                    Six<Lanes16>(run, epilogue, panel);
                    break;
                case Columns / 2:
                    SixByTwo<Lanes8>(run, epilogue, panel, Columns / 2);
                    break;
                default:
                    SixByFour<Lanes4>(run, epilogue, panel, Columns / 4);
                    break;
            }
        }
    }

    /// <summary>
    /// Asks for the values of the next rows, or of these rows' next run, while others are multiplied: in pieces that lie far apart the processor sees
    /// no pattern.
    /// </summary>
    private static void Fetch(in Run run, nint* sources, nint* end)
    {
        bool hasNext = sources + Rows < end;
        nint* rows = hasNext ? sources + Rows : run.Sources;
        for (int segment = 0; segment < run.SegmentCount; segment++)
        {
            float* a = run.A + run.Segments[segment] + (hasNext ? 0 : run.Next);
            for (int row = 0; row < Rows; row++)
            {
                for (nint k = 0; k < run.Length; k += CacheLine)
                {
                    Sse.Prefetch1(a + rows[row] + k);
                }
            }
        }
    }

    /// <summary>Panels of sixteen columns: where the first begins, and how far apart they lie.</summary>
    public readonly ref struct Panels(float* pointer, nint stride, int count)
    {
        public float* Pointer { get; } = pointer;

        public nint Stride { get; } = stride;

        public int Count { get; } = count;

        /// <summary>Whether rows are read for the first time, from far away.</summary>
        public bool AreFirst { get; init; }
    }

    /// <summary>How sums are stored.</summary>
    /// <param name="target">What offsets of the target are counted from, at the first column.</param>
    /// <param name="bias">One for each column, or null.</param>
    /// <param name="residual">Laid out as the target, in other memory, or null.</param>
    public readonly ref struct Epilogue(float* target, float* bias, float* residual, bool relu)
    {
        private readonly float* _bias = bias;
        private readonly float* _residual = residual;
        private readonly bool _relu = relu;

        public float* Target { get; } = target;

        public bool DoesAnything => _bias is not null || _residual is not null || _relu;

        /// <summary>Completes sums that were just stored.</summary>
        /// <param name="rows">As in the kernel, those alone that aren't repeated.</param>
        /// <param name="column">The first column.</param>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Apply<T>(nint* rows, int rowCount, int column, int columns)
            where T : unmanaged, ILanes<T>
        {
            T floor = T.Broadcast(_relu ? 0 : float.NegativeInfinity);
            float* bias = _bias, residual = _residual, target = Target;
            for (int end = column + columns; column < end; column += T.Count)
            {
                T added = bias is null ? default : T.Load(bias + column);
                for (int row = 0; row < rowCount; row++)
                {
                    float* at = target + rows[row] + column;
                    T sums = T.Load(at) + added;
                    if (residual is not null)
                    {
                        sums += T.Load(residual + rows[row] + column);
                    }

                    // NaN stays.
                    T.Max(floor, sums).Store(at);
                }
            }
        }
    }

    /// <summary>Some of the products of each sum.</summary>
    private readonly ref struct Run
    {
        public float* A { get; init; }

        public nint* Sources { get; init; }

        public nint* Targets { get; init; }

        public int RowCount { get; init; }

        public nint* Segments { get; init; }

        public int SegmentCount { get; init; }

        public nint Length { get; init; }

        /// <summary>From this run's values of a row to those of the next run.</summary>
        public nint Next { get; init; }

        public float* B { get; init; }

        public nint PanelStride { get; init; }

        public bool FetchesRows { get; init; }

        /// <summary>Whether sums were begun before.</summary>
        public bool Continues { get; init; }

        /// <summary>Whether sums are complete afterwards.</summary>
        public bool IsLast { get; init; }
    }
}
