using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.ResNet.WeightFiles;

namespace Microsoft.ML.ResNet.Model;

/// <summary>
/// The folder of a transformer in ML.NET's model file: the header by which <c>Model.Load</c> finds this assembly in a process that never
/// named it, a description, and weights where the transformer has any.
/// </summary>
/// <param name="Signature">The name of the transformer in the file. It never changes.</param>
/// <param name="ModelSignature">The eight characters that begin its header. They never change.</param>
/// <param name="DescriptionStream">The name of the description in the folder.</param>
internal sealed record ModelFolder(string Signature, string ModelSignature, string DescriptionStream = ModelFolder.Description)
{
    /// <summary>The usual name of the description.</summary>
    public const string Description = "Description.json";

    /// <summary>The most bytes that a description is unpacked to.</summary>
    public const int LongestDescription = 16 << 20;

    private const string WeightsStream = "Weights.safetensors";
    private const string Damaged = "The model file is damaged: a part of it has another checksum than when it was written. Copy the file again, or save the model again.";

    /// <summary>Format version 1; the description and the weights carry versions of their own.</summary>
    private VersionInfo Version => new(
        modelSignature: ModelSignature,
        verWrittenCur: 0x00010001,
        verReadableCur: 0x00010001,
        verWeCanReadBack: 0x00010001,
        loaderSignature: Signature,
        loaderAssemblyName: typeof(ModelFolder).Assembly.FullName);

    /// <summary>Loads a transformer that has a description only.</summary>
    /// <exception cref="InvalidDataException">The description is missing or too long.</exception>
    public T Load<T>(ModelLoadContext context, Func<byte[], T> load) => load(ReadDescription(context));

    /// <summary>Loads a transformer that has weights.</summary>
    /// <exception cref="InvalidDataException">A part is missing, or the description is too long.</exception>
    public T Load<T>(ModelLoadContext context, Func<byte[], Stream, T> load)
        where T : class
    {
        byte[] description = ReadDescription(context);
        T? transformer = null;
        return StoredEntry.TryLoad(context, WeightsStream, (stream, known) => transformer = load(description, Checked(stream, known)))
            ? transformer!
            : throw Missing(WeightsStream);
    }

    /// <param name="writeWeights">Writes the weights, or null for a transformer without any.</param>
    public void Save(ModelSaveContext context, byte[] description, Action<Stream>? writeWeights = null)
    {
        context.CheckAtModel();
        context.SetVersionInfo(Version);
        context.SaveBinaryStream(DescriptionStream, writer => writer.Write(description));
        if (writeWeights is not null)
        {
            StoredEntry.Save(context, WeightsStream, writeWeights);
        }
    }

    private byte[] ReadDescription(ModelLoadContext context)
    {
        context.CheckAtModel();
        context.CheckVersionInfo(Version);
        byte[]? description = null;
        return StoredEntry.TryLoad(context, DescriptionStream, (stream, known) => description = ReadDescription(Checked(stream, known))) ? description! : throw Missing(DescriptionStream);
    }

    private static Stream Checked(Stream stream, (long Length, uint Crc32)? known) => known is { } entry ? new ChecksumStream(stream, entry.Length, entry.Crc32, Damaged) : stream;

    private static byte[] ReadDescription(Stream stream)
    {
        using var copy = new MemoryStream();
        byte[] buffer = new byte[1 << 16];
        for (int count = stream.Read(buffer); count > 0; count = stream.Read(buffer))
        {
            copy.Write(buffer, 0, copy.Length + count <= LongestDescription
                ? count
                : throw new InvalidDataException($"The model file's description unpacks to more than {LongestDescription} bytes, which no model's does."));
        }

        return copy.ToArray();
    }

    private static InvalidDataException Missing(string stream)
        => new($"The model file has a residual network without its part '{stream}'. The file is incomplete: save the model again.");
}
