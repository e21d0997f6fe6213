using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Microsoft.ML.ResNet.Tests.Fuzzing;

/// <summary>Damages files in the ways that find faults in readers: the same number gives the same damage.</summary>
/// <param name="number">Decides what is done.</param>
internal sealed class Mutator(int number)
{
    private const int LargestChange = 6;

    private static readonly long[] Boundaries =
    [
        0, 1, 2, -1, -2, 16, 17, 127, 128, 255, 256, short.MaxValue, ushort.MaxValue, 65536, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32,
        100_000_000, 100_000_001, 1L << 40, long.MaxValue / 4, long.MaxValue, long.MinValue,
    ];

    public Random Random { get; } = new(number);

    /// <summary>A damaged copy of a file.</summary>
    /// <param name="other">A file of which pieces may be put into it.</param>
    public byte[] Mutate(byte[] file, byte[] other)
    {
        List<byte> bytes = [.. file];
        for (int change = Random.Next(1, LargestChange); change > 0 && bytes.Count > 0; change--)
        {
            Change(bytes, other);
        }

        return [.. bytes];
    }

    private void Change(List<byte> bytes, byte[] other)
    {
        int at = Place(bytes.Count);
        switch (Random.Next(10))
        {
            case 0:
                bytes[at] ^= (byte)(1 << Random.Next(8));
                break;
            case 1:
                bytes[at] = (byte)Random.Next(256);
                break;
            case 2:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 3:
                bytes.RemoveRange(at, Math.Min(Length(), bytes.Count - at));
                break;
            case 4:
                byte[] added = new byte[Length()];
                Random.NextBytes(added);
                bytes.InsertRange(at, added);
                break;
            case 5:
                bytes.InsertRange(Place(bytes.Count), bytes.GetRange(at, Math.Min(Length(), bytes.Count - at)));
                break;
            case 6:
                int from = Random.Next(other.Length);
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other[from..]);
                break;
            case 7:
                ChangeDecimal(bytes, at);
                break;
            default:
                ChangeBinary(bytes, at);
                break;
        }
    }

    /// <summary>Headers and directories lie at the ends of files; most damage goes there.</summary>
    private int Place(int count) => Random.Next(4) switch
    {
        0 => Random.Next(Math.Min(count, 32)),
        1 => Random.Next(Math.Min(count, 1024)),
        2 => count - 1 - Random.Next(Math.Min(count, 512)),
        _ => Random.Next(count),
    };

    private int Length() => Random.Next(8) == 0 ? Random.Next(1, 4096) : Random.Next(1, 16);

    private void ChangeBinary(List<byte> bytes, int at)
    {
        byte[] value = new byte[8];
        int size = 1 << Random.Next(4);
        long boundary = Boundaries[Random.Next(Boundaries.Length)];
        BinaryPrimitives.WriteInt64LittleEndian(value, boundary);
        if (Random.Next(3) == 0)
        {
            Array.Reverse(value, 0, size);
        }

        for (int i = 0; i < size && at + i < bytes.Count; i++)
        {
            bytes[at + i] = value[i];
        }
    }

    /// <summary>Puts another number in place of the digits at or after a position, as headers of text have them.</summary>
    private void ChangeDecimal(List<byte> bytes, int at)
    {
        int start = bytes.FindIndex(at, value => value is >= (byte)'0' and <= (byte)'9');
        if (start < 0)
        {
            return;
        }

        int end = start;
        while (end < bytes.Count && bytes[end] is >= (byte)'0' and <= (byte)'9')
        {
            end++;
        }

        bytes.RemoveRange(start, end - start);
        bytes.InsertRange(start, Encoding.ASCII.GetBytes(Random.Next(8) == 0 ? "1e999" : Boundaries[Random.Next(Boundaries.Length)].ToString(CultureInfo.InvariantCulture)));
    }
}
