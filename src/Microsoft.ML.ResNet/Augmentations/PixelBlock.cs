using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>Sixteen pixels of three bytes, spread to one vector a channel.</summary>
internal readonly struct PixelBlock(Vector128<byte> red, Vector128<byte> green, Vector128<byte> blue)
{
    /// <summary>The pixels, and the bytes that they lie in.</summary>
    public const int Count = 16, Length = 3 * Count;

    public Vector128<byte> Red { get; } = red;

    public Vector128<byte> Green { get; } = green;

    public Vector128<byte> Blue { get; } = blue;

    /// <summary>Reads 48 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PixelBlock Load(ref byte source)
    {
        Vector128<byte> first = Vector128.LoadUnsafe(ref source), second = Vector128.LoadUnsafe(ref source, 16), third = Vector128.LoadUnsafe(ref source, 32);
        Vector128<byte> red = (Vector128.Shuffle(first, Vector128.Create((byte)0, 3, 6, 9, 12, 15, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))
            | Vector128.Shuffle(second, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 2, 5, 8, 11, 14, 255, 255, 255, 255, 255))
            | Vector128.Shuffle(third, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 4, 7, 10, 13)));
        Vector128<byte> green = (Vector128.Shuffle(first, Vector128.Create((byte)1, 4, 7, 10, 13, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))
            | Vector128.Shuffle(second, Vector128.Create((byte)255, 255, 255, 255, 255, 0, 3, 6, 9, 12, 15, 255, 255, 255, 255, 255))
            | Vector128.Shuffle(third, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 5, 8, 11, 14)));
        Vector128<byte> blue = (Vector128.Shuffle(first, Vector128.Create((byte)2, 5, 8, 11, 14, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))
            | Vector128.Shuffle(second, Vector128.Create((byte)255, 255, 255, 255, 255, 1, 4, 7, 10, 13, 255, 255, 255, 255, 255, 255))
            | Vector128.Shuffle(third, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 3, 6, 9, 12, 15)));
        return new PixelBlock(red, green, blue);
    }

    /// <summary>Writes 48 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref byte target)
    {
        (Vector128.Shuffle(Red, Vector128.Create((byte)0, 255, 255, 1, 255, 255, 2, 255, 255, 3, 255, 255, 4, 255, 255, 5))
            | Vector128.Shuffle(Green, Vector128.Create((byte)255, 0, 255, 255, 1, 255, 255, 2, 255, 255, 3, 255, 255, 4, 255, 255))
            | Vector128.Shuffle(Blue, Vector128.Create((byte)255, 255, 0, 255, 255, 1, 255, 255, 2, 255, 255, 3, 255, 255, 4, 255))).StoreUnsafe(ref target);
        (Vector128.Shuffle(Red, Vector128.Create((byte)255, 255, 6, 255, 255, 7, 255, 255, 8, 255, 255, 9, 255, 255, 10, 255))
            | Vector128.Shuffle(Green, Vector128.Create((byte)5, 255, 255, 6, 255, 255, 7, 255, 255, 8, 255, 255, 9, 255, 255, 10))
            | Vector128.Shuffle(Blue, Vector128.Create((byte)255, 5, 255, 255, 6, 255, 255, 7, 255, 255, 8, 255, 255, 9, 255, 255))).StoreUnsafe(ref target, 16);
        (Vector128.Shuffle(Red, Vector128.Create((byte)255, 11, 255, 255, 12, 255, 255, 13, 255, 255, 14, 255, 255, 15, 255, 255))
            | Vector128.Shuffle(Green, Vector128.Create((byte)255, 255, 11, 255, 255, 12, 255, 255, 13, 255, 255, 14, 255, 255, 15, 255))
            | Vector128.Shuffle(Blue, Vector128.Create((byte)10, 255, 255, 11, 255, 255, 12, 255, 255, 13, 255, 255, 14, 255, 255, 15))).StoreUnsafe(ref target, 32);
    }

    /// <summary>The first eight values and the others, as integers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<int> Low, Vector256<int> High) Widen(Vector128<byte> values)
    {
        var (low, high) = Vector128.Widen(values);
        return (Widen(low), Widen(high));
    }

    /// <summary>The first eight values and the others, as numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> Low, Vector256<float> High) ToSingle(Vector128<byte> values)
    {
        var (low, high) = Widen(values);
        return (Vector256.ConvertToSingle(low), Vector256.ConvertToSingle(high));
    }

    /// <summary>Values of 0 to 255 as bytes; fractions are dropped.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> ToBytes(Vector256<float> low, Vector256<float> high)
        => Vector128.Narrow(Narrow(Vector256.ConvertToInt32(low)), Narrow(Vector256.ConvertToInt32(high)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Widen(Vector128<ushort> values)
        => Vector256.Create(Vector128.WidenLower(values).AsInt32(), Vector128.WidenUpper(values).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ushort> Narrow(Vector256<int> values) => Vector128.Narrow(values.GetLower(), values.GetUpper()).AsUInt16();
}
