using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using TorchSharp;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Begins a training with the network of a model.</summary>
internal static class WarmStart
{
    private const string HeadPrefix = "fc.";

    /// <summary>The options with the model's network, and with its preprocessing where they leave it open.</summary>
    /// <exception cref="ArgumentException">The images have another number of channels than the model's.</exception>
    public static ResNetTrainer.Options Complete(ResNetTrainer.Options options, ResNetTransformer start, ImageColumn column)
    {
        ImagePreprocessing preprocessing = start.Preprocessing;
        if (column.Channels != preprocessing.Mean.Count)
        {
            throw new ArgumentException(
                $"Feature column '{column.Name}' has images of {column.Channels} channel(s), but the model to go on from takes {preprocessing.Mean.Count}. Convert the images, or train without the model.");
        }

        ResNetTrainer.Options complete = options.Copy();
        complete.Specification = start.Specification;
        complete.ImageSize ??= column.Kind != FeatureKind.Pixels && preprocessing.Width == preprocessing.Height ? preprocessing.Width : null;
        complete.Mean ??= [.. preprocessing.Mean];
        complete.StandardDeviation ??= [.. preprocessing.StandardDeviation];
        return complete;
    }

    /// <summary>Copies the model's weights into a new network: the head too where the classes are the same, in whatever order.</summary>
    /// <returns>What was done, in words.</returns>
    public static string Copy(ResNetTransformer start, ResidualNetwork network, IReadOnlyList<string> classNames)
    {
        int[] classes = [.. classNames.Select(name => IndexOf(start.ClassNames, name))];
        bool keepsHead = classNames.Count == start.ClassNames.Count && classes.Distinct().Count() == classes.Length && !classes.Contains(-1);
        start.ReadNetwork(source =>
        {
            using var scope = torch.NewDisposeScope();
            using var noGradient = torch.no_grad();
            Dictionary<string, torch.Tensor> own = network.StateEntries.ToDictionary(entry => entry.Name, entry => entry.Tensor, StringComparer.Ordinal);
            torch.Tensor order = torch.tensor([.. classes.Select(index => (long)index)]);
            network.CopyStateFrom(source.StateEntries.Select(entry => entry.Name.StartsWith(HeadPrefix, StringComparison.Ordinal)
                ? (entry.Name, keepsHead ? entry.Tensor.cpu().index_select(0, order) : own[entry.Name])
                : entry));
        });
        return keepsHead
            ? "Going on from a model with the same classes: all of its weights are kept."
            : $"Going on from a model with other classes ({start.ClassNames.Count} there, {classNames.Count} here): its head is replaced and the rest kept.";
    }

    private static int IndexOf(IReadOnlyList<string> names, string name)
    {
        for (int i = 0; i < names.Count; i++)
        {
            if (names[i] == name)
            {
                return i;
            }
        }

        return -1;
    }
}
