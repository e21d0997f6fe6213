namespace Microsoft.ML.ResNet;

/// <summary>One entry of a <see cref="ResNetWeights"/>: a parameter, a running statistic or a counter of the network.</summary>
public sealed record ResNetWeightsEntry
{
    internal ResNetWeightsEntry(string name, IReadOnlyList<long> shape, WeightElementType elementType)
    {
        Name = name;
        Shape = shape;
        ElementType = elementType;
    }

    /// <summary>The name as torchvision has it, such as <c>layer1.0.conv1.weight</c>.</summary>
    public string Name { get; }

    /// <summary>The dimensions; empty for a single number.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The type of the elements in the file.</summary>
    public WeightElementType ElementType { get; }

    /// <summary>Name, type and dimensions.</summary>
    /// <returns>One line of text.</returns>
    public override string ToString() => $"{Name}: {ElementType} [{string.Join(", ", Shape)}]";
}
