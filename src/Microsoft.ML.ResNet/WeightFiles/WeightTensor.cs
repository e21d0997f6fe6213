using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>One entry of a weights file, taken out of it: its bytes are little-endian and in row-major order without gaps.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its dimensions, none for a single number.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Data">Its bytes, immutable.</param>
internal sealed record WeightTensor(string Name, IReadOnlyList<long> Shape, WeightElementType Type, byte[] Data)
{
    public int ElementCount => Data.Length / Type.Size();

    public static WeightTensor OfSingles(string name, IReadOnlyList<long> shape, ReadOnlySpan<float> values)
        => new(name, shape, WeightElementType.Float32, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>The elements as float32: rounded to nearest from float64, exact from the shorter types.</summary>
    public float[] ToSingle()
    {
        float[] values = new float[ElementCount];
        switch (Type)
        {
            case WeightElementType.Float32:
                Data.CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
                break;
            case WeightElementType.Float64:
                Convert<double>(values, value => (float)value);
                break;
            case WeightElementType.Float16:
                Convert<Half>(values, value => (float)value);
                break;
            case WeightElementType.BFloat16:
                Convert<ushort>(values, value => BitConverter.UInt32BitsToSingle((uint)value << 16));
                break;
            case WeightElementType.Float8E4M3:
                Convert<byte>(values, OfFloat8E4M3);
                break;
            case WeightElementType.Float8E5M2:
                // The upper half of a half-precision number.
                Convert<byte>(values, value => (float)BitConverter.UInt16BitsToHalf((ushort)(value << 8)));
                break;
            case WeightElementType.Int64:
                Convert<long>(values, value => value);
                break;
            case WeightElementType.Int32:
                Convert<int>(values, value => value);
                break;
            case WeightElementType.Int16:
                Convert<short>(values, value => value);
                break;
            case WeightElementType.Int8:
                Convert<sbyte>(values, value => value);
                break;
            case WeightElementType.UInt64:
                Convert<ulong>(values, value => value);
                break;
            case WeightElementType.UInt32:
                Convert<uint>(values, value => value);
                break;
            case WeightElementType.UInt16:
                Convert<ushort>(values, value => value);
                break;
            default:
                Convert<byte>(values, value => value);
                break;
        }

        return values;
    }

    /// <summary>The value of a counter. Only 64-bit integers have more digits than float32 holds.</summary>
    public long ToCounter() => Type == WeightElementType.Int64 ? MemoryMarshal.Read<long>(Data) : (long)ToSingle()[0];

    /// <summary>What a running variance must be above. Normalisation adds 1e-5 to it, here and in PyTorch; another epsilon of an ONNX file may have made it less than 0.</summary>
    public const float SmallestVariance = -1e-5f;

    /// <summary>The number of elements that are NaN or infinite, or of which a network makes such: variances whose root can't be divided by.</summary>
    public int NonFiniteCount
    {
        get
        {
            if (!Type.IsFloatingPoint())
            {
                return 0;
            }

            int count = 0;
            bool isVariance = IsVariance(Name);
            foreach (float value in Type == WeightElementType.Float32 ? MemoryMarshal.Cast<byte, float>(Data) : ToSingle())
            {
                count += float.IsFinite(value) && !(isVariance && value <= SmallestVariance) ? 0 : 1;
            }

            return count;
        }
    }

    /// <summary>Whether entries of this name are running variances.</summary>
    public static bool IsVariance(string name) => name.EndsWith(".running_var", StringComparison.Ordinal);

    private void Convert<T>(float[] values, Func<T, float> convert)
        where T : struct
    {
        ReadOnlySpan<T> source = MemoryMarshal.Cast<byte, T>(Data);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = convert(source[i]);
        }
    }

    /// <summary>A sign, 4 bits of exponent with bias 7, 3 bits of fraction; all ones is NaN (Micikevicius et al. 2022, "FP8 formats for deep learning").</summary>
    private static float OfFloat8E4M3(byte bits)
    {
        int exponent = (bits >> 3) & 15, fraction = bits & 7;
        float magnitude = (exponent, fraction) switch
        {
            (15, 7) => float.NaN,
            (0, _) => fraction * MathF.ScaleB(1, -9),
            _ => MathF.ScaleB(8 + fraction, exponent - 10),
        };
        return bits >= 128 ? -magnitude : magnitude;
    }
}
