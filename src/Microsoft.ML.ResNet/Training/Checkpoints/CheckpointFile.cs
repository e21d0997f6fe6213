using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.ResNet.WeightFiles;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>A file of <see cref="CheckpointFolder"/>: a safetensors file whose metadata have a document in JSON, and checksums of the document and of the tensors.</summary>
internal static class CheckpointFile
{
    private const string ChecksumName = "crc32";
    private const string Advice = "Free space there or choose another CheckpointDirectory.";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter() },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Writes a file of weights alone.</summary>
    public static void Write(string path, Action<Stream> write) => AtomicFile.Write(path, write, Advice);

    /// <param name="name">The document's, among the metadata.</param>
    public static void Write<T>(string path, string name, T document, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        string json = JsonSerializer.Serialize(document, Json);
        var metadata = new Dictionary<string, string>
        {
            [name] = json,
            [ChecksumName] = Checksums(json, TensorStream.Checksum(tensors.Select(entry => entry.Tensor))),
        };
        Write(path, stream => TensorStream.Write(tensors, metadata, stream));
    }

    /// <summary>Reads a file. What is wrong with it becomes an error that names it and says what to do.</summary>
    /// <param name="name">The document's, among the metadata.</param>
    /// <param name="check">Checks the parts of the document; it may be damaged.</param>
    /// <param name="open">Compares the document with the training under way, and gives the tensors to fill.</param>
    /// <exception cref="InvalidDataException">It is damaged, or <paramref name="check"/> or <paramref name="open"/> says so.</exception>
    public static T Read<T>(string path, string name, Action<T> check, Func<T, IEnumerable<(string Name, Tensor Tensor)>> open)
        where T : class
    {
        using FileStream stream = File.OpenRead(path);
        try
        {
            var (entries, metadata) = SafetensorsHeader.Read(stream);
            T document = Deserialize(metadata, name, check);
            uint checksum = ChecksumOfTensors(metadata, name);
            Dictionary<string, Tensor> tensors = open(document).ToDictionary(entry => entry.Name, entry => entry.Tensor, StringComparer.Ordinal);
            const string damaged = "It is damaged: its tensors have another checksum than when they were written.";
            long length = Math.Min(entries.Count == 0 ? 0 : entries[^1].End, stream.Length - stream.Position);
            TensorStream.Read(entries, tensors, new ChecksumStream(stream, length, checksum, damaged));
            return document;
        }
        catch (Exception exception) when (exception is InvalidDataException or JsonException or NotSupportedException)
        {
            throw new InvalidDataException(
                $"Can't resume from checkpoint '{path}': {exception.Message} Set ResumeFromCheckpoint to false to start over, or choose another CheckpointDirectory.", exception);
        }
    }

    /// <summary>The document alone, or null where the file can't be read: <see cref="Read"/> says why.</summary>
    public static T? ReadDocument<T>(string path, string name, Action<T> check)
        where T : class
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            return Deserialize(SafetensorsHeader.Read(stream).Metadata, name, check);
        }
        catch (Exception exception) when (exception is InvalidDataException or JsonException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>A document for the other ranks of a training.</summary>
    public static byte[] ToJson<T>(T document) => JsonSerializer.SerializeToUtf8Bytes(document, Json);

    public static T FromJson<T>(byte[] json) => JsonSerializer.Deserialize<T>(json, Json)!;

    private static T Deserialize<T>(IReadOnlyDictionary<string, string> metadata, string name, Action<T> check)
        where T : class
    {
        if (!metadata.TryGetValue(name, out string? json))
        {
            throw new InvalidDataException("It has no training state.");
        }

        T document = JsonSerializer.Deserialize<T>(json, Json) ?? throw new InvalidDataException("Its training state is empty.");
        check(document);
        return document;
    }

    /// <exception cref="InvalidDataException">The document isn't the one that was written.</exception>
    private static uint ChecksumOfTensors(IReadOnlyDictionary<string, string> metadata, string name)
    {
        string saved = metadata.GetValueOrDefault(ChecksumName, "");
        return uint.TryParse(saved.AsSpan(saved.IndexOf(' ') + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out uint tensors) && saved == Checksums(metadata[name], tensors)
            ? tensors
            : throw new InvalidDataException("It is damaged: its training state has another checksum than when it was written.");
    }

    private static string Checksums(string json, uint tensors)
        => string.Create(CultureInfo.InvariantCulture, $"{Crc32.HashToUInt32(Encoding.UTF8.GetBytes(json)):X8} {tensors:X8}");
}
