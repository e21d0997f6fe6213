using System.IO.Compression;
using System.IO.Hashing;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;

namespace Microsoft.ML.ResNet.Model;

/// <summary>Reads the weights of a classifier out of the zip that <c>mlContext.Model.Save</c> wrote, without making the classifier.</summary>
internal static class ModelWeightsReader
{
    private const string DescriptionName = "Description.json";
    private const string WeightsName = "Weights.safetensors";

    // Room for names and shapes beside the values.
    private const long LongestHeader = 16 << 20;

    /// <summary>Whether a part's name is that of a network's weights.</summary>
    public static bool IsWeights(string entryName) => FileName(entryName) == WeightsName;

    /// <exception cref="InvalidDataException">It is damaged, or holds several networks.</exception>
    public static WeightFile Read(ZipArchive archive)
    {
        // Features alone have weights too, but another description.
        var networks = archive.Entries.Where(entry => IsWeights(entry.FullName))
            .Select(entry => (Weights: entry, Description: archive.GetEntry($"{entry.FullName[..^WeightsName.Length]}{DescriptionName}")))
            .Where(network => network.Description is not null)
            .ToArray();
        var (weights, description) = networks is [var only]
            ? only
            : throw new InvalidDataException($"the model has {networks.Length} classifiers of this library, expected one. Where there are several, take the weights of one with ResNetWeights.FromTransformer.");
        ModelDescription model = ModelDescription.FromJson(Unpack(description!, ModelFolder.LongestDescription).ToArray());
        ResNetSpecification specification = model.Network.ToSpecification();
        long valueBytes = StateDictLayout.Of(specification, model.Network.Channels, model.Classes.Names.Length).Sum(entry => entry.ElementCount * 8);
        return model.WithWeights(SafetensorsReader.Read(Unpack(weights, Math.Min(valueBytes + LongestHeader, Array.MaxLength))));
    }

    /// <summary>Unpacks a part that must not be longer than what it can need: its compressed size says little.</summary>
    private static MemoryStream Unpack(ZipArchiveEntry entry, long limit)
    {
        var content = new MemoryStream();
        var checksum = new Crc32();
        byte[] buffer = new byte[1 << 16];
        using Stream stream = entry.Open();
        for (int count = stream.Read(buffer); count > 0; count = stream.Read(buffer))
        {
            if (content.Length + count > limit)
            {
                throw new InvalidDataException($"the part '{entry.FullName}' unpacks to more than {limit} bytes.");
            }

            content.Write(buffer, 0, count);
            checksum.Append(buffer.AsSpan(0, count));
        }

        if (checksum.GetCurrentHashAsUInt32() != entry.Crc32)
        {
            throw new InvalidDataException($"the part '{entry.FullName}' has another checksum than when it was written: the file is damaged. Copy it again, or save the model again.");
        }

        content.Position = 0;
        return content;
    }

    private static string FileName(string entryName) => entryName[(entryName.AsSpan().LastIndexOfAny('/', '\\') + 1)..];
}
