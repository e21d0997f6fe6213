using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Weights;

/// <summary>Copies weights into a network, whose names and shapes they must fit.</summary>
internal static class WeightTransfer
{
    private const string FirstConvolution = "conv1.weight";

    /// <summary>Sets the network's state, on whatever device it is.</summary>
    /// <param name="weights">The weights. Where they are of RGB images and the network of grey ones, the filters of the three channels are added; the other way about, they are repeated and divided by three.</param>
    /// <param name="network">The network.</param>
    /// <param name="includeHead">Whether to set the classifier too; otherwise it stays as it is, and may have another number of classes.</param>
    /// <exception cref="ArgumentException">They don't fit; the message lists what is missing, unexpected and misshapen. The network is left as it was.</exception>
    public static void CopyTo(ResNetWeights weights, ResidualNetwork network, bool includeHead)
    {
        CheckFit(weights, network.Specification, network.InputChannels, includeHead ? network.ClassCount : null);
        Dictionary<string, WeightTensor> source = Select(weights, network.InputChannels, includeHead).ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        using IDisposable normalMode = inference_mode(false);
        using IDisposable withoutGradients = no_grad();
        foreach (var (name, target) in network.StateEntries)
        {
            using var scope = NewDisposeScope();
            if (WeightMatch.IsCounter(name))
            {
                target.FillInPlace(source.TryGetValue(name, out WeightTensor? counter) ? counter.ToCounter() : 0);
            }
            else if (source.TryGetValue(name, out WeightTensor? tensor))
            {
                Tensor values = empty([.. tensor.Shape], ScalarType.Float32);
                MemoryMarshal.AsBytes(tensor.ToSingle().AsSpan()).CopyTo(values.bytes);
                target.copy_(values);
            }
        }
    }

    /// <summary>Checks names and shapes alone, before memory is taken for a network.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="specification">The network, its stem settled.</param>
    /// <param name="channels">Channels of the network's images.</param>
    /// <param name="classCount">The classes of the network, or null where its classifier is not to be set.</param>
    /// <exception cref="ArgumentException">They don't fit; the message lists what is missing, unexpected and misshapen.</exception>
    public static void CheckFit(ResNetWeights weights, ResNetSpecification specification, int channels, int? classCount)
    {
        IEnumerable<StateEntryLayout> layout = StateDictLayout.Of(specification, channels, classCount ?? 1)
            .Where(entry => classCount is not null || !Head.Owns(entry.Name));
        string? faults = WeightMatch.Faults(Select(weights, channels, classCount is not null), layout);
        string network = $"{ResNetWeights.Describe(specification)} with {channels} channels{(classCount is { } count ? $" and {count} classes" : "")}";
        if (faults is not null)
        {
            throw new ArgumentException($"The weights of '{weights.Source}' don't fit {network}: {faults}. They fit {weights}.", nameof(weights));
        }

        // A stage that keeps its width has no weights in a zero-pad shortcut, nor in one that is missing.
        if (specification.Depths.Count > 1 && specification.Shortcut != weights.Specification.Shortcut)
        {
            throw new ArgumentException($"The weights of '{weights.Source}' don't fit {network}: they are those of {weights}.", nameof(weights));
        }
    }

    private static IEnumerable<WeightTensor> Select(ResNetWeights weights, int channels, bool includeHead)
        => weights.Tensors
            .Where(tensor => includeHead || !Head.Owns(tensor.Name))
            .Select(tensor => tensor.Name == FirstConvolution ? AdaptChannels(tensor, channels) : tensor);

    /// <summary>The first convolution for another number of channels that gives the same results for grey images.</summary>
    private static WeightTensor AdaptChannels(WeightTensor weight, int channels)
    {
        int present = (int)weight.Shape[1];
        if ((present, channels) is not ((3, 1) or (1, 3)))
        {
            return weight;
        }

        float[] source = weight.ToSingle();
        int outputs = (int)weight.Shape[0], area = (int)(weight.Shape[2] * weight.Shape[3]);
        float[] target = new float[outputs * channels * area];
        for (int output = 0; output < outputs; output++)
        {
            for (int i = 0; i < area; i++)
            {
                float sum = 0;
                for (int channel = 0; channel < present; channel++)
                {
                    sum += source[(((output * present) + channel) * area) + i];
                }

                for (int channel = 0; channel < channels; channel++)
                {
                    target[(((output * channels) + channel) * area) + i] = sum / channels;
                }
            }
        }

        return WeightTensor.OfSingles(FirstConvolution, [outputs, channels, weight.Shape[2], weight.Shape[3]], target);
    }
}
