using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.Training;

/// <summary>What has to be the same for a training to resume from a checkpoint.</summary>
internal static class CheckpointIdentity
{
    private const string TrainingContents = "Training image contents", ValidationContents = "Validation image contents";

    /// <summary>So many that a checkpoint stays small beside its weights.</summary>
    private const int MostBlocks = 4096;

    private const int BlockDigits = 8;

    /// <summary>The settings, the network and the data, as names and values that a user can compare.</summary>
    public static IReadOnlyDictionary<string, string> Of(TrainingSettings settings, ResidualNetwork network, TrainingData data)
    {
        // Records and lists print their numbers in the current culture, and a training may go on in another one.
        CultureInfo culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            return Describe(settings, network, data);
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    private static Dictionary<string, string> Describe(TrainingSettings settings, ResidualNetwork network, TrainingData data)
    {
        var identity = new Dictionary<string, string>(settings.Identity())
        {
            ["Network"] = network.Specification.ToString(),
            ["Precision"] = $"{network.ActivationType}",
            ["Channels"] = $"{data.Preprocessing.Channels}",
            ["ImageSize"] = $"{data.Preprocessing.Width}x{data.Preprocessing.Height}",
            ["ImageFit"] = $"{data.Preprocessing.Fit}",
            ["Input"] = $"scale {string.Join(' ', data.Training.Format.Scale)}, offset {string.Join(' ', data.Training.Format.Offset)}",
            ["Classes"] = $"{data.Labels.Count}, {Hash(Encoding.UTF8.GetBytes(string.Join('\0', data.Labels.Names)))}",
            ["Training images"] = $"{data.Training.Count}, {Hash(data.Training)}",
            [TrainingContents] = Contents(data.Training),
            [ValidationContents] = data.Validation is null ? "" : Contents(data.Validation),
            ["Validation images"] = data.Validation is null ? "none" : $"{data.Validation.Count}, {Hash(data.Validation)}",
            ["Example weights"] = data.Weights is null ? "none" : Hash(MemoryMarshal.AsBytes(data.Weights.AsSpan())),
        };
        if (EpochOrder.FilesOf(data.Training.Entries) is { } files)
        {
            identity["Tar files"] = $"{files.Length}, {Hash(MemoryMarshal.AsBytes(files.AsSpan()))}, shuffle buffer {settings.ShuffleBufferSize}";
        }

        return identity;
    }

    /// <summary>How an error names what differs.</summary>
    public static string Difference(string name, string? was, string now, TrainingData data) => name switch
    {
        _ when was is null => $"{name} are not in it, as an earlier version of the library wrote it",
        TrainingContents => Difference("training", was, now, data.Training),
        ValidationContents => data.Validation is null || was.Length == 0 ? "there is a validation set in one of them only" : Difference("validation", was, now, data.Validation),
        nameof(TrainingSettings.Epochs) => $"{name} was '{was}' and is '{now}' (a finished model is trained further by Fit(data, model))",
        _ => $"{name} was '{was}' and is '{now}'",
    };

    /// <summary>Names the first image that differs, or the first stretch of them.</summary>
    private static string Difference(string set, string was, string now, ImageDataset images)
    {
        if (was.Length != now.Length)
        {
            return $"the {set} images are others";
        }

        int[] blocks = [.. Enumerable.Range(0, now.Length / BlockDigits).Where(i => string.CompareOrdinal(was, i * BlockDigits, now, i * BlockDigits, BlockDigits) != 0)];
        int size = BlockSize(images.Count), first = blocks[0] * size, last = Math.Min(first + size, images.Count) - 1;
        ImageEntry entry = images.Entries[first];
        string where = first == last ? $"in row {entry.Row}{(entry.File.Path is null ? "" : $" ('{entry.File}')")}" : $"in rows {entry.Row} to {images.Entries[last].Row}";
        string more = blocks.Length > 1 ? $", and {(size == 1 ? $"{blocks.Length - 1}" : "some")} more" : "";
        return $"{set} images are others than then: the first {where}{more}";
    }

    /// <summary>Four bytes for each image, or for as many neighbours as keep a large set to <see cref="MostBlocks"/> of them.</summary>
    private static string Contents(ImageDataset images)
    {
        int size = BlockSize(images.Count);
        return string.Concat(images.Entries.Chunk(size).Select(
            block => Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(block.Select(entry => entry.Fingerprint).ToArray().AsSpan())), 0, BlockDigits / 2)));
    }

    private static int BlockSize(int count) => (count + MostBlocks - 1) / MostBlocks;

    /// <summary>Labels and rows; <see cref="Contents"/> has what the images are.</summary>
    private static string Hash(ImageDataset images)
        => Hash([.. MemoryMarshal.AsBytes(images.Labels.AsSpan()), .. MemoryMarshal.AsBytes(images.Entries.Select(entry => entry.Row).ToArray().AsSpan())]);

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexString(SHA256.HashData(bytes), 0, 8);
}
