using TorchSharp;

namespace Microsoft.ML.ResNet.Network;

/// <summary>One entry of a network's state: its name, shape and element type.</summary>
/// <param name="Name">The name, as in torchvision's <c>state_dict</c>.</param>
/// <param name="Shape">The shape; empty for a single number.</param>
/// <param name="Type">The element type.</param>
/// <param name="IsParameter">Whether training by gradient changes it.</param>
internal sealed record StateEntryLayout(string Name, IReadOnlyList<long> Shape, torch.ScalarType Type, bool IsParameter)
{
    /// <summary>The number of elements.</summary>
    public long ElementCount => Shape.Aggregate(1L, (count, side) => checked(count * side));
}
