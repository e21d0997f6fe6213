using System.Buffers.Binary;
using System.Text.Json;

namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>
/// The header of a safetensors file (https://huggingface.co/docs/safetensors, "Format"): the length of a JSON object in eight bytes,
/// little-endian; the object, with an entry for each tensor; then the tensors' bytes, without holes.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>The longest header that is read, in bytes; the reference implementation has the same limit.</summary>
    public const int MaximumLength = 100_000_000;

    /// <summary>The most dimensions that an entry may have: a network's have four.</summary>
    public const int MaximumRank = 16;

    private const string MetadataName = "__metadata__";
    private const int ChunkSize = 1 << 20;

    /// <summary>Writes a header for tensors that follow in the order given.</summary>
    public static void Write(Stream stream, IEnumerable<SafetensorsEntry> entries, IReadOnlyDictionary<string, string> metadata)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WriteStartObject(MetadataName);
            foreach (var (key, value) in metadata)
            {
                writer.WriteString(key, value);
            }

            writer.WriteEndObject();
            foreach (SafetensorsEntry entry in entries)
            {
                writer.WriteStartObject(entry.Name);
                writer.WriteString("dtype", entry.DType);
                WriteNumbers(writer, "shape", entry.Shape);
                WriteNumbers(writer, "data_offsets", [entry.Begin, entry.End]);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        // The format asks for spaces that align the data to eight bytes.
        int padding = (int)(-json.Length & 7);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length + padding);
        stream.Write(length);
        json.WriteTo(stream);
        stream.Write("       "u8[..padding]);
    }

    /// <summary>Reads the header and leaves the stream at the first byte of the data.</summary>
    /// <returns>The entries in the order of their data, and the metadata.</returns>
    /// <exception cref="InvalidDataException">The header is damaged, or the tensors overlap, leave holes or have sizes that are not their shapes'.</exception>
    public static (IReadOnlyList<SafetensorsEntry> Entries, IReadOnlyDictionary<string, string> Metadata) Read(Stream stream)
    {
        Span<byte> prefix = stackalloc byte[8];
        ReadExactly(stream, prefix, "the header's length");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length is 0 or > MaximumLength || (stream.CanSeek && length > (ulong)(stream.Length - stream.Position)))
        {
            throw new InvalidDataException($"Not a safetensors file, or a damaged one: its header is said to have {length} bytes.");
        }

        var (entries, metadata) = Parse(ReadHeader(stream, (int)length));
        entries.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        CheckData(entries);
        return (entries, metadata);
    }

    /// <summary>Where the stream doesn't tell its length, the length that the file claims costs no more than what is there.</summary>
    private static byte[] ReadHeader(Stream stream, int length)
    {
        byte[] json = new byte[stream.CanSeek ? length : Math.Min(length, ChunkSize)];
        for (int filled = 0; ;)
        {
            ReadExactly(stream, json.AsSpan(filled), "the header");
            filled = json.Length;
            if (filled == length)
            {
                return json;
            }

            Array.Resize(ref json, (int)Math.Min(length, 2L * filled));
        }
    }

    private static (List<SafetensorsEntry> Entries, Dictionary<string, string> Metadata) Parse(byte[] json)
    {
        List<SafetensorsEntry> entries = [];
        Dictionary<string, string> metadata = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 4 });
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (!names.Add(property.Name))
                {
                    throw new InvalidDataException($"The safetensors header has two entries named '{property.Name}'.");
                }

                if (property.Name == MetadataName)
                {
                    foreach (JsonProperty item in property.Value.EnumerateObject())
                    {
                        metadata[item.Name] = item.Value.GetString() ?? "";
                    }
                }
                else
                {
                    entries.Add(ParseEntry(property));
                }
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new InvalidDataException($"The safetensors header can't be read: {exception.Message}", exception);
        }

        return (entries, metadata);
    }

    private static SafetensorsEntry ParseEntry(JsonProperty property)
    {
        long[] offsets = [.. property.Value.GetProperty("data_offsets").EnumerateArray().Take(3).Select(item => item.GetInt64())];
        long[] shape = [.. property.Value.GetProperty("shape").EnumerateArray().Take(MaximumRank + 1).Select(item => item.GetInt64())];
        if (shape.Length > MaximumRank)
        {
            throw new InvalidDataException($"The safetensors entry '{property.Name}' has more than {MaximumRank} dimensions.");
        }

        if (offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || shape.Any(size => size < 0))
        {
            throw new InvalidDataException($"The safetensors entry '{property.Name}' has impossible offsets or dimensions.");
        }

        return new SafetensorsEntry(property.Name, property.Value.GetProperty("dtype").GetString() ?? "", shape, offsets[0], offsets[1]);
    }

    private static void CheckData(List<SafetensorsEntry> entries)
    {
        long position = 0;
        foreach (SafetensorsEntry entry in entries)
        {
            if (entry.Begin != position)
            {
                throw new InvalidDataException($"The safetensors entry '{entry.Name}' begins at byte {entry.Begin} of the data, expected {position}: tensors overlap or leave a hole.");
            }

            long elementSize = ElementSize(entry.DType)
                ?? throw new InvalidDataException($"The safetensors entry '{entry.Name}' has the unknown type '{entry.DType}'.");
            Int128 expected = elementSize;
            foreach (long size in entry.Shape)
            {
                expected = expected > long.MaxValue ? expected : expected * size;
            }

            if (expected != entry.ByteCount)
            {
                throw new InvalidDataException($"The safetensors entry '{entry.Name}' has {entry.ByteCount} bytes, but its shape [{string.Join(", ", entry.Shape)}] of {entry.DType} takes {expected}.");
            }

            position = entry.End;
        }
    }

    private static long? ElementSize(string dtype) => dtype switch
    {
        "F64" or "I64" or "U64" => 8,
        "F32" or "I32" or "U32" => 4,
        "F16" or "BF16" or "I16" or "U16" => 2,
        "F8_E4M3" or "F8_E5M2" or "I8" or "U8" or "BOOL" => 1,
        _ => null,
    };

    private static void ReadExactly(Stream stream, Span<byte> buffer, string what)
    {
        if (stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) < buffer.Length)
        {
            throw new InvalidDataException($"The safetensors file ends within {what}.");
        }
    }

    private static void WriteNumbers(Utf8JsonWriter writer, string name, IEnumerable<long> numbers)
    {
        writer.WriteStartArray(name);
        foreach (long number in numbers)
        {
            writer.WriteNumberValue(number);
        }

        writer.WriteEndArray();
    }
}
