using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Eight lanes: a register of AVX2, with FMA.</summary>
internal readonly unsafe struct Lanes8(Vector256<float> values) : ILanes<Lanes8>
{
    private readonly Vector256<float> _values = values;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator +(Lanes8 left, Lanes8 right) => new(left._values + right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator -(Lanes8 left, Lanes8 right) => new(left._values - right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator *(Lanes8 left, Lanes8 right) => new(left._values * right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator /(Lanes8 left, Lanes8 right) => new(left._values / right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 MultiplyAdd(Lanes8 left, Lanes8 right, Lanes8 addend) => new(Fma.MultiplyAdd(left._values, right._values, addend._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Max(Lanes8 left, Lanes8 right) => new(Avx.Max(left._values, right._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 WhereEqual(Lanes8 left, Lanes8 right, Lanes8 value)
        => new(Vector256.ConditionalSelect(Vector256.Equals(left._values, right._values), value._values, Vector256<float>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 WhereNotEqual(Lanes8 left, Lanes8 right, Lanes8 value)
        => new(Vector256.ConditionalSelect(Vector256.Equals(left._values, right._values), Vector256<float>.Zero, value._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 WhereNotAtMost(Lanes8 left, Lanes8 right, Lanes8 value)
        => new(Vector256.ConditionalSelect(Vector256.LessThanOrEqual(left._values, right._values), Vector256<float>.Zero, value._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 WithNaNOf(Lanes8 mark, Lanes8 value)
        => new(Vector256.ConditionalSelect(Vector256.Equals(mark._values, mark._values), value._values, mark._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => _values.Store(target);
}
