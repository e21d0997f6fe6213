using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Four lanes: a register of Arm64. An x64 processor with FMA computes the same, which serves tests.</summary>
internal readonly unsafe struct Lanes4(Vector128<float> values) : ILanes<Lanes4>
{
    private readonly Vector128<float> _values = values;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator +(Lanes4 left, Lanes4 right) => new(left._values + right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator -(Lanes4 left, Lanes4 right) => new(left._values - right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator *(Lanes4 left, Lanes4 right) => new(left._values * right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator /(Lanes4 left, Lanes4 right) => new(left._values / right._values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 MultiplyAdd(Lanes4 left, Lanes4 right, Lanes4 addend)
        => AdvSimd.IsSupported
            ? new(AdvSimd.FusedMultiplyAdd(addend._values, left._values, right._values))
            : new(Fma.MultiplyAdd(left._values, right._values, addend._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Max(Lanes4 left, Lanes4 right)
        => new(Vector128.ConditionalSelect(Vector128.GreaterThan(left._values, right._values), left._values, right._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 WhereEqual(Lanes4 left, Lanes4 right, Lanes4 value)
        => new(Vector128.ConditionalSelect(Vector128.Equals(left._values, right._values), value._values, Vector128<float>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 WhereNotEqual(Lanes4 left, Lanes4 right, Lanes4 value)
        => new(Vector128.ConditionalSelect(Vector128.Equals(left._values, right._values), Vector128<float>.Zero, value._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 WhereNotAtMost(Lanes4 left, Lanes4 right, Lanes4 value)
        => new(Vector128.ConditionalSelect(Vector128.LessThanOrEqual(left._values, right._values), Vector128<float>.Zero, value._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 WithNaNOf(Lanes4 mark, Lanes4 value)
        => new(Vector128.ConditionalSelect(Vector128.Equals(mark._values, mark._values), value._values, mark._values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => _values.Store(target);
}
