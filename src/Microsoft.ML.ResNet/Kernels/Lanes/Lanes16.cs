using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Sixteen lanes: a register of AVX-512. On processors without it the runtime computes the same in halves, slowly, which serves tests.</summary>
internal readonly unsafe struct Lanes16(Vector512<float> values) : ILanes<Lanes16>
{
    private readonly Vector512<float> _values = values;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator +(Lanes16 left, Lanes16 right) => new(left._values + right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator -(Lanes16 left, Lanes16 right) => new(left._values - right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator *(Lanes16 left, Lanes16 right) => new(left._values * right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator /(Lanes16 left, Lanes16 right) => new(left._values / right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 MultiplyAdd(Lanes16 left, Lanes16 right, Lanes16 addend)
        => Avx512F.IsSupported
            ? new(Avx512F.FusedMultiplyAdd(left._values, right._values, addend._values))
            : new(Vector512.Create(
                Fma.MultiplyAdd(left._values.GetLower(), right._values.GetLower(), addend._values.GetLower()),
                Fma.MultiplyAdd(left._values.GetUpper(), right._values.GetUpper(), addend._values.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Max(Lanes16 left, Lanes16 right)
        => new(Avx512F.IsSupported ? Avx512F.Max(left._values, right._values) : Vector512.ConditionalSelect(Vector512.GreaterThan(left._values, right._values), left._values, right._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 WhereEqual(Lanes16 left, Lanes16 right, Lanes16 value)
        => new(Vector512.ConditionalSelect(Vector512.Equals(left._values, right._values), value._values, Vector512<float>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 WhereNotEqual(Lanes16 left, Lanes16 right, Lanes16 value)
        => new(Vector512.ConditionalSelect(Vector512.Equals(left._values, right._values), Vector512<float>.Zero, value._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 WhereNotAtMost(Lanes16 left, Lanes16 right, Lanes16 value)
        => new(Vector512.ConditionalSelect(Vector512.LessThanOrEqual(left._values, right._values), Vector512<float>.Zero, value._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 WithNaNOf(Lanes16 mark, Lanes16 value)
        => new(Vector512.ConditionalSelect(Vector512.Equals(mark._values, mark._values), value._values, mark._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => _values.Store(target);
}
