using System.Buffers.Binary;

namespace Microsoft.ML.ResNet.Tests.Fuzzing;

/// <summary>Damages the data of a PNG file's chunks and gives them checksums that are right.</summary>
internal static class PngMutator
{
    private const int SignatureLength = 8;

    public static byte[] Mutate(byte[] png, byte[] other, Mutator mutator)
    {
        List<(byte[] Type, byte[] Data)> chunks = Read(png);
        int index = mutator.Random.Next(chunks.Count);
        var (type, data) = chunks[index];
        switch (mutator.Random.Next(6))
        {
            case 0:
                chunks.RemoveAt(index);
                break;
            case 1:
                chunks.Insert(mutator.Random.Next(chunks.Count), chunks[index]);
                break;
            default:
                chunks[index] = (type, data.Length == 0 ? other[..Math.Min(other.Length, 64)] : mutator.Mutate(data, data));
                break;
        }

        using var file = new MemoryStream();
        file.Write(png, 0, SignatureLength);
        foreach (var (name, content) in chunks)
        {
            PngWriter.WriteChunk(file, System.Text.Encoding.Latin1.GetString(name), content);
        }

        return file.ToArray();
    }

    private static List<(byte[] Type, byte[] Data)> Read(byte[] png)
    {
        List<(byte[], byte[])> chunks = [];
        for (int position = SignatureLength; position < png.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(position));
            chunks.Add((png[(position + 4)..(position + 8)], png[(position + 8)..(position + 8 + length)]));
            position += length + 12;
        }

        return chunks;
    }
}
