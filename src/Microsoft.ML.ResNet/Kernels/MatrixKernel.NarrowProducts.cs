using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <content>Sums of half the columns and of a quarter: for what whole calls leave, and for processors with fewer registers.</content>
internal static unsafe partial class MatrixKernel
{
    /// <summary>Six rows, two vectors of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SixByTwo<T>(in Run run, in Epilogue epilogue, int panel, nint vectorStride)
        where T : unmanaged, ILanes<T>
    {
        nint* sources = run.Sources, targets = run.Targets;
        nint length = run.Length, lanes = T.Count;
        float* sums = epilogue.Target + (panel * Columns), begun = epilogue.Begun(run, panel), bias = epilogue.BiasOf(run, panel);
        for (nint* end = sources + run.RowCount; sources < end; sources += Rows, targets += Rows)
        {
            if (run.FetchesRows)
            {
                Fetch(run, sources, end);
            }

            T s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
            T s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
            if (begun is not null)
            {
                s00 = *(T*)(begun + targets[0]);
                s01 = *(T*)(begun + targets[0] + lanes);
                s10 = *(T*)(begun + targets[1]);
                s11 = *(T*)(begun + targets[1] + lanes);
                s20 = *(T*)(begun + targets[2]);
                s21 = *(T*)(begun + targets[2] + lanes);
                s30 = *(T*)(begun + targets[3]);
                s31 = *(T*)(begun + targets[3] + lanes);
                s40 = *(T*)(begun + targets[4]);
                s41 = *(T*)(begun + targets[4] + lanes);
                s50 = *(T*)(begun + targets[5]);
                s51 = *(T*)(begun + targets[5] + lanes);
            }

            if (bias is not null)
            {
                T c0 = *(T*)bias, c1 = *(T*)(bias + lanes);
                s00 += c0;
                s01 += c1;
                s10 += c0;
                s11 += c1;
                s20 += c0;
                s21 += c1;
                s30 += c0;
                s31 += c1;
                s40 += c0;
                s41 += c1;
                s50 += c0;
                s51 += c1;
            }

            float* b = run.B + (panel * run.PanelStride);
            for (int segment = 0; segment < run.SegmentCount; segment++)
            {
                float* origin = run.A + run.Segments[segment];
                float* a0 = origin + sources[0], a1 = origin + sources[1], a2 = origin + sources[2];
                float* a3 = origin + sources[3], a4 = origin + sources[4], a5 = origin + sources[5];
                nint k = 0;
                for (; k + 2 <= length; k += 2, b += 2 * Columns)
                {
                    T w0 = *(T*)b, w1 = *(T*)(b + vectorStride);
                    T value = T.Broadcast(a0[k]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    s01 = T.MultiplyAdd(value, w1, s01);
                    value = T.Broadcast(a1[k]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    s11 = T.MultiplyAdd(value, w1, s11);
                    value = T.Broadcast(a2[k]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    s21 = T.MultiplyAdd(value, w1, s21);
                    value = T.Broadcast(a3[k]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    s31 = T.MultiplyAdd(value, w1, s31);
                    value = T.Broadcast(a4[k]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    s41 = T.MultiplyAdd(value, w1, s41);
                    value = T.Broadcast(a5[k]);
                    s50 = T.MultiplyAdd(value, w0, s50);
                    s51 = T.MultiplyAdd(value, w1, s51);

                    w0 = *(T*)(b + Columns);
                    w1 = *(T*)(b + Columns + vectorStride);
                    value = T.Broadcast(a0[k + 1]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    s01 = T.MultiplyAdd(value, w1, s01);
                    value = T.Broadcast(a1[k + 1]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    s11 = T.MultiplyAdd(value, w1, s11);
                    value = T.Broadcast(a2[k + 1]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    s21 = T.MultiplyAdd(value, w1, s21);
                    value = T.Broadcast(a3[k + 1]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    s31 = T.MultiplyAdd(value, w1, s31);
                    value = T.Broadcast(a4[k + 1]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    s41 = T.MultiplyAdd(value, w1, s41);
                    value = T.Broadcast(a5[k + 1]);
                    s50 = T.MultiplyAdd(value, w0, s50);
                    s51 = T.MultiplyAdd(value, w1, s51);
                }

                if (k < length)
                {
                    T w0 = *(T*)b, w1 = *(T*)(b + vectorStride);
                    T value = T.Broadcast(a0[k]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    s01 = T.MultiplyAdd(value, w1, s01);
                    value = T.Broadcast(a1[k]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    s11 = T.MultiplyAdd(value, w1, s11);
                    value = T.Broadcast(a2[k]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    s21 = T.MultiplyAdd(value, w1, s21);
                    value = T.Broadcast(a3[k]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    s31 = T.MultiplyAdd(value, w1, s31);
                    value = T.Broadcast(a4[k]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    s41 = T.MultiplyAdd(value, w1, s41);
                    value = T.Broadcast(a5[k]);
                    s50 = T.MultiplyAdd(value, w0, s50);
                    s51 = T.MultiplyAdd(value, w1, s51);
                    b += Columns;
                }
            }

            if (run.Clamps)
            {
                // NaN stays.
                T zero = default;
                s00 = T.Max(zero, s00);
                s01 = T.Max(zero, s01);
                s10 = T.Max(zero, s10);
                s11 = T.Max(zero, s11);
                s20 = T.Max(zero, s20);
                s21 = T.Max(zero, s21);
                s30 = T.Max(zero, s30);
                s31 = T.Max(zero, s31);
                s40 = T.Max(zero, s40);
                s41 = T.Max(zero, s41);
                s50 = T.Max(zero, s50);
                s51 = T.Max(zero, s51);
            }

            *(T*)(sums + targets[0]) = s00;
            *(T*)(sums + targets[0] + lanes) = s01;
            *(T*)(sums + targets[1]) = s10;
            *(T*)(sums + targets[1] + lanes) = s11;
            *(T*)(sums + targets[2]) = s20;
            *(T*)(sums + targets[2] + lanes) = s21;
            *(T*)(sums + targets[3]) = s30;
            *(T*)(sums + targets[3] + lanes) = s31;
            *(T*)(sums + targets[4]) = s40;
            *(T*)(sums + targets[4] + lanes) = s41;
            *(T*)(sums + targets[5]) = s50;
            *(T*)(sums + targets[5] + lanes) = s51;
        }
    }

    /// <summary>Six rows, one vector of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Six<T>(in Run run, in Epilogue epilogue, int panel)
        where T : unmanaged, ILanes<T>
    {
        nint* sources = run.Sources, targets = run.Targets;
        nint length = run.Length, lanes = T.Count;
        float* sums = epilogue.Target + (panel * Columns), begun = epilogue.Begun(run, panel), bias = epilogue.BiasOf(run, panel);
        for (nint* end = sources + run.RowCount; sources < end; sources += Rows, targets += Rows)
        {
            if (run.FetchesRows)
            {
                Fetch(run, sources, end);
            }

            T s00 = default, s10 = default, s20 = default, s30 = default, s40 = default, s50 = default;
            if (begun is not null)
            {
                s00 = *(T*)(begun + targets[0]);
                s10 = *(T*)(begun + targets[1]);
                s20 = *(T*)(begun + targets[2]);
                s30 = *(T*)(begun + targets[3]);
                s40 = *(T*)(begun + targets[4]);
                s50 = *(T*)(begun + targets[5]);
            }

            if (bias is not null)
            {
                T c0 = *(T*)bias;
                s00 += c0;
                s10 += c0;
                s20 += c0;
                s30 += c0;
                s40 += c0;
                s50 += c0;
            }

            float* b = run.B + (panel * run.PanelStride);
            for (int segment = 0; segment < run.SegmentCount; segment++)
            {
                float* origin = run.A + run.Segments[segment];
                float* a0 = origin + sources[0], a1 = origin + sources[1], a2 = origin + sources[2];
                float* a3 = origin + sources[3], a4 = origin + sources[4], a5 = origin + sources[5];
                nint k = 0;
                for (; k + 2 <= length; k += 2, b += 2 * Columns)
                {
                    T w0 = *(T*)b;
                    T value = T.Broadcast(a0[k]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    value = T.Broadcast(a1[k]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    value = T.Broadcast(a2[k]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    value = T.Broadcast(a3[k]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    value = T.Broadcast(a4[k]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    value = T.Broadcast(a5[k]);
                    s50 = T.MultiplyAdd(value, w0, s50);

                    w0 = *(T*)(b + Columns);
                    value = T.Broadcast(a0[k + 1]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    value = T.Broadcast(a1[k + 1]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    value = T.Broadcast(a2[k + 1]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    value = T.Broadcast(a3[k + 1]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    value = T.Broadcast(a4[k + 1]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    value = T.Broadcast(a5[k + 1]);
                    s50 = T.MultiplyAdd(value, w0, s50);
                }

                if (k < length)
                {
                    T w0 = *(T*)b;
                    T value = T.Broadcast(a0[k]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    value = T.Broadcast(a1[k]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    value = T.Broadcast(a2[k]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    value = T.Broadcast(a3[k]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    value = T.Broadcast(a4[k]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    value = T.Broadcast(a5[k]);
                    s50 = T.MultiplyAdd(value, w0, s50);
                    b += Columns;
                }
            }

            if (run.Clamps)
            {
                // NaN stays.
                T zero = default;
                s00 = T.Max(zero, s00);
                s10 = T.Max(zero, s10);
                s20 = T.Max(zero, s20);
                s30 = T.Max(zero, s30);
                s40 = T.Max(zero, s40);
                s50 = T.Max(zero, s50);
            }

            *(T*)(sums + targets[0]) = s00;
            *(T*)(sums + targets[1]) = s10;
            *(T*)(sums + targets[2]) = s20;
            *(T*)(sums + targets[3]) = s30;
            *(T*)(sums + targets[4]) = s40;
            *(T*)(sums + targets[5]) = s50;
        }
    }
}
