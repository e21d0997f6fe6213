using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.Training;

/// <summary>What has to be the same for a training to go on from a checkpoint.</summary>
internal static class CheckpointIdentity
{
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

    private static Dictionary<string, string> Describe(TrainingSettings settings, ResidualNetwork network, TrainingData data) =>
        new(settings.Identity())
        {
            ["Network"] = network.Specification.ToString(),
            ["Precision"] = $"{network.ActivationType}",
            ["Channels"] = $"{data.Preprocessing.Channels}",
            ["ImageSize"] = $"{data.Preprocessing.Width}x{data.Preprocessing.Height}",
            ["ImageFit"] = $"{data.Preprocessing.Fit}",
            ["Input"] = $"scale {string.Join(' ', data.Training.Format.Scale)}, offset {string.Join(' ', data.Training.Format.Offset)}",
            ["Classes"] = $"{data.Labels.Count}, {Hash(Encoding.UTF8.GetBytes(string.Join('\0', data.Labels.Names)))}",
            ["Training images"] = $"{data.Training.Count}, {Hash(data.Training)}",
            ["Validation images"] = data.Validation is null ? "none" : $"{data.Validation.Count}, {Hash(data.Validation)}",
            ["Example weights"] = data.Weights is null ? "none" : Hash(MemoryMarshal.AsBytes(data.Weights.AsSpan())),
        };

    /// <summary>Labels and rows stand for the images: these are read later, or too large.</summary>
    private static string Hash(ImageSet images)
        => Hash([.. MemoryMarshal.AsBytes(images.Labels.AsSpan()), .. MemoryMarshal.AsBytes(images.Entries.Select(entry => entry.Row).ToArray().AsSpan())]);

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexString(SHA256.HashData(bytes), 0, 8);
}
