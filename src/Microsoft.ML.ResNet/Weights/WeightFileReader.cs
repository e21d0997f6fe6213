using System.IO.Compression;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.ResNet.WeightFiles.OnnxImport;
using Microsoft.ML.ResNet.WeightFiles.PyTorch;

namespace Microsoft.ML.ResNet.Weights;

/// <summary>Reads a weights file of any format, told by its content. Nothing of a file is run, and no more memory taken than a few times its size.</summary>
internal static class WeightFileReader
{
    private const string Formats = "safetensors, PyTorch (.pth, .pt), ONNX, or a model.zip of this library";

    /// <exception cref="FileNotFoundException">The file doesn't exist, or is a folder.</exception>
    /// <exception cref="InvalidDataException">It is damaged, of another format, or asks for code to be run; the message has its path.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It can't be read.</exception>
    public static WeightFile Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException(Directory.Exists(path) ? $"Weights file '{path}' is a folder, expected a file: {Formats}." : $"Weights file '{path}' doesn't exist.", path);
        }

        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
        try
        {
            return Read(stream, path);
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException or FormatException or OverflowException or NotSupportedException || IsFaultOfZip(exception))
        {
            string fault = exception is EndOfStreamException or IOException ? "it is cut short." : Shorten(exception.Message);
            throw new InvalidDataException($"Weights file '{path}' can't be used: {fault}", exception);
        }
    }

    /// <summary>
    /// Whether .NET 8's <see cref="ZipArchive"/> found that an archive ends before what it announces. It says so by an <see cref="IOException"/>, as a
    /// disk's fault is, but without the operating system's number.
    /// </summary>
    private static bool IsFaultOfZip(Exception exception) => exception is IOException { HResult: unchecked((int)0x80131620) };

    /// <summary>A text with names of a hostile file in it may be as long as the file.</summary>
    internal static string Shorten(string fault)
    {
        const int longest = 4000;
        return fault.Length <= longest ? fault : $"{fault.AsSpan(0, longest)}...";
    }

    private static WeightFile Read(Stream stream, string path)
    {
        byte[] start = new byte[16];
        int length = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        stream.Position = 0;
        return start switch
        {
            [(byte)'P', (byte)'K', 3, 4, ..] => ReadZip(stream),
            _ when length > 8 && start[8] == '{' => ReadSafetensors(stream),
            [0x80, 2 or 3 or 4 or 5, ..] => new WeightFile(PyTorchReader.ReadLegacy(stream)),
            [0x08, < 0x80, ..] => ReadOnnx(ReadAll(stream)),
            _ when Path.GetExtension(path).Equals(".safetensors", StringComparison.OrdinalIgnoreCase) => ReadSafetensors(stream),
            _ => throw new InvalidDataException($"it holds {Describe(start.AsSpan(0, length), stream.Length)}, expected {Formats}."),
        };
    }

    private static WeightFile ReadSafetensors(Stream stream)
    {
        var (tensors, metadata) = SafetensorsReader.ReadWithMetadata(stream);
        return ModelMetadata.ReadWeights(tensors, metadata);
    }

    private static WeightFile ReadOnnx(byte[] content)
    {
        var (tensors, metadata) = OnnxResNet.ReadWithMetadata(content);
        return ModelMetadata.ReadWeights(tensors, OnnxPreprocessing.AsOfWeights(metadata));
    }

    private static WeightFile ReadZip(Stream stream)
    {
        using var archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
        string[] names = [.. archive.Entries.Select(entry => entry.FullName)];
        if (names.FirstOrDefault(IsTorchScript) is { } script)
        {
            throw new InvalidDataException($"it is a TorchScript program (it has the part '{script}'), which holds code and is not read. Save the state: torch.save(model.state_dict(), path).");
        }

        return names.Any(PyTorchReader.IsPickle) ? new WeightFile(PyTorchReader.ReadZip(archive, stream.Length))
            : names.Any(ModelWeightsReader.IsWeights) ? ModelWeightsReader.Read(archive)
            : throw new InvalidDataException($"it is a zip archive without weights, expected {Formats}.");
    }

    private static bool IsTorchScript(string name)
        => name.EndsWith("/constants.pkl", StringComparison.Ordinal) || name.Contains("/code/", StringComparison.Ordinal);

    private static byte[] ReadAll(Stream stream)
    {
        byte[] content = stream.Length <= Array.MaxLength
            ? GC.AllocateUninitializedArray<byte>((int)stream.Length)
            : throw new InvalidDataException($"it has {stream.Length} bytes, more than an ONNX file has.");
        stream.ReadExactly(content);
        return content;
    }

    private static string Describe(ReadOnlySpan<byte> start, long length)
        => length == 0 ? "nothing: it is empty (0 bytes)"
            : start is [0x89, (byte)'H', (byte)'D', (byte)'F', ..] ? "HDF5 data"
            : start is [(byte)'G', (byte)'G', (byte)'U', (byte)'F', ..] ? "GGUF data"
            : "data of an unknown format";
}
