using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.ResNet.Weights;
using TorchSharp;

namespace Microsoft.ML.ResNet.Trainer;

/// <summary>Begins a training with the weights of another one.</summary>
internal static class StartingWeights
{
    /// <summary>The options with the weights' network, and with their preprocessing where they leave it open.</summary>
    /// <exception cref="ArgumentException">The images have another number of channels than the weights are for.</exception>
    public static ResNetTrainer.Options Complete(ResNetTrainer.Options options, ResNetWeights weights, ImageColumn column)
    {
        if (column.Channels != weights.InputChannels && (column.Channels, weights.InputChannels) is not ((1, 3) or (3, 1)))
        {
            throw new ArgumentException(
                $"Feature column '{column.Name}' has images of {column.Channels} channels, but the weights of '{weights.Source}' take {weights.InputChannels}. Convert the images, or train without these weights.");
        }

        ResNetTrainer.Options complete = options.Copy();
        complete.Specification ??= weights.Specification;
        if (weights.Preprocessing is { } preprocessing)
        {
            complete.ImageSize ??= weights.ClassNames is not null ? SizeOf(weights, column) : null;
            complete.Mean ??= ForChannels(preprocessing.Mean, column.Channels);
            complete.StandardDeviation ??= ForChannels(preprocessing.StandardDeviation, column.Channels);
        }

        return complete;
    }

    /// <summary>The size of the images that weights were made with, for images of files; null where it isn't known.</summary>
    public static int? SizeOf(ResNetWeights? weights, ImageColumn column)
        => column.Kind != FeatureKind.Pixels && weights?.Preprocessing is { } made && made.Width == made.Height ? made.Width : null;

    /// <summary>Copies the weights into a network: the head too where the classes are the same, in whatever order.</summary>
    /// <returns>Whether the head was kept, and what was done, in words.</returns>
    /// <exception cref="ArgumentException">The weights don't fit the network.</exception>
    public static (bool KeepsHead, string Message) Copy(ResNetWeights weights, ResidualNetwork network, IReadOnlyList<string> classNames)
    {
        WeightTransfer.CopyTo(weights, network, includeHead: false);
        if (weights.ClassNames is not { } known)
        {
            return (false, $"Beginning with the weights of {weights.Source}: {weights}.");
        }

        string[] names = [.. known];
        int[] classes = [.. classNames.Select(name => Array.IndexOf(names, name))];
        if (classNames.Count != names.Length || classes.Contains(-1) || classes.Distinct().Count() < classes.Length)
        {
            return (false, $"Beginning with the weights of {weights.Source}, which have other classes ({names.Length} there, {classNames.Count} here): the head is replaced and the rest kept.");
        }

        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        torch.Tensor order = torch.tensor([.. classes.Select(index => (long)index)]);
        foreach (NetworkParameter entry in network.ParameterEntries.Where(entry => Head.Owns(entry.Name)))
        {
            WeightTensor source = weights.Tensors.First(tensor => tensor.Name == entry.Name);
            entry.Parameter.copy_(torch.tensor(source.ToSingle(), [.. source.Shape]).index_select(0, order));
        }

        return (true, $"Beginning with the weights of {weights.Source}, which have the same classes: all of them are kept.");
    }

    /// <summary>Grey images are normalised by the mean over the colours, and colours as grey ones are.</summary>
    private static float[] ForChannels(IReadOnlyList<float> values, int channels)
        => values.Count == channels ? [.. values] : [.. Enumerable.Repeat(values.Average(), channels)];
}
