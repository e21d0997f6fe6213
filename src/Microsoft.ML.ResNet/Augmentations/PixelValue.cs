using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>Conversion between float and the two types of a pixel's value, uint8 and float32, of which the compiler leaves one.</summary>
internal static class PixelValue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle<T>(T value)
        where T : unmanaged
        => typeof(T) == typeof(byte) ? Unsafe.BitCast<T, byte>(value) : Unsafe.BitCast<T, float>(value);

    /// <summary>A value of 0 to 255 for uint8, rounded to nearest; any value for float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Round<T>(float value)
        where T : unmanaged
        => typeof(T) == typeof(byte) ? Unsafe.BitCast<byte, T>((byte)(int)(value + 0.5f)) : Unsafe.BitCast<float, T>(value);

    /// <summary>A value that is cut to 0 to <paramref name="white"/>; for uint8 its fraction is dropped, as Pillow and torchvision do in operations on colours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Clip<T>(float value, float white)
        where T : unmanaged
    {
        value = Math.Clamp(value, 0, white);
        return typeof(T) == typeof(byte) ? Unsafe.BitCast<byte, T>((byte)(int)value) : Unsafe.BitCast<float, T>(value);
    }
}
