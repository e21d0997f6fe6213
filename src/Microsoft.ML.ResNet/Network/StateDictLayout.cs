using TorchSharp;

namespace Microsoft.ML.ResNet.Network;

/// <summary>
/// Names, shapes and types of a network's state without its tensors: what a weights file has to hold, known before memory is taken.
/// The order and the names are those of torchvision's <c>state_dict</c>.
/// </summary>
internal static class StateDictLayout
{
    /// <summary>The entries of the network's state, in order.</summary>
    /// <exception cref="ArgumentException">The specification is faulty, or its stem is not settled.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A count is below 1.</exception>
    public static IReadOnlyList<StateEntryLayout> Of(ResNetSpecification specification, int inputChannels, int classCount)
        => Of(NetworkPlan.Of(specification, inputChannels, classCount));

    /// <summary>The number of trainable values: all but the running statistics and batch counters.</summary>
    /// <exception cref="ArgumentException">The specification is faulty, or its stem is not settled.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A count is below 1.</exception>
    public static long ParameterCount(ResNetSpecification specification, int inputChannels, int classCount)
        => Of(specification, inputChannels, classCount).Where(entry => entry.IsParameter).Sum(entry => entry.ElementCount);

    internal static IReadOnlyList<StateEntryLayout> Of(NetworkPlan plan) =>
    [
        .. plan.Convolutions.SelectMany(Entries),
        new(Head.WeightName, [plan.ClassCount, plan.FeatureCount], torch.ScalarType.Float32, IsParameter: true),
        new(Head.BiasName, [plan.ClassCount], torch.ScalarType.Float32, IsParameter: true),
    ];

    private static StateEntryLayout[] Entries(ConvolutionPlan plan)
    {
        long[] perChannel = [plan.OutputChannels];
        return
        [
            new($"{plan.Name}.weight", plan.WeightShape, torch.ScalarType.Float32, IsParameter: true),
            new($"{plan.NormName}.weight", perChannel, torch.ScalarType.Float32, IsParameter: true),
            new($"{plan.NormName}.bias", perChannel, torch.ScalarType.Float32, IsParameter: true),
            new($"{plan.NormName}.running_mean", perChannel, torch.ScalarType.Float32, IsParameter: false),
            new($"{plan.NormName}.running_var", perChannel, torch.ScalarType.Float32, IsParameter: false),
            new($"{plan.NormName}.num_batches_tracked", [], torch.ScalarType.Int64, IsParameter: false),
        ];
    }
}
