namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// The floats that one instruction works on side by side. Kernels are written once, for any number of lanes; each value is computed by the
/// same operations in the same order whatever the number, so that all widths give the same bits.
/// </summary>
/// <typeparam name="TSelf">The implementing type, one vector register.</typeparam>
internal unsafe interface ILanes<TSelf>
    where TSelf : unmanaged, ILanes<TSelf>
{
    /// <summary>The number of lanes, a divisor of <see cref="MatrixKernel.Columns"/>.</summary>
    static abstract int Count { get; }

    /// <summary>Loads values, at any address.</summary>
    static abstract TSelf Load(float* source);

    /// <summary>The same value in all lanes.</summary>
    static abstract TSelf Broadcast(float value);

    static abstract TSelf operator +(TSelf left, TSelf right);

    static abstract TSelf operator -(TSelf left, TSelf right);

    static abstract TSelf operator *(TSelf left, TSelf right);

    static abstract TSelf operator /(TSelf left, TSelf right);

    /// <summary>left * right + addend, rounded once where the processor can.</summary>
    static abstract TSelf MultiplyAdd(TSelf left, TSelf right, TSelf addend);

    /// <summary>The larger value; <paramref name="right"/> where one of both is NaN.</summary>
    static abstract TSelf Max(TSelf left, TSelf right);

    /// <summary>The value where <paramref name="left"/> equals <paramref name="right"/>, and zero elsewhere.</summary>
    static abstract TSelf WhereEqual(TSelf left, TSelf right, TSelf value);

    /// <summary>Zero where <paramref name="left"/> equals <paramref name="right"/>, and the value elsewhere.</summary>
    static abstract TSelf WhereNotEqual(TSelf left, TSelf right, TSelf value);

    /// <summary>Zero where <paramref name="left"/> is at most <paramref name="right"/>, and the value elsewhere, also where one of both is NaN.</summary>
    static abstract TSelf WhereNotAtMost(TSelf left, TSelf right, TSelf value);

    /// <summary>NaN where <paramref name="mark"/> is NaN, and the value elsewhere.</summary>
    static abstract TSelf WithNaNOf(TSelf mark, TSelf value);

    void Store(float* target);
}
