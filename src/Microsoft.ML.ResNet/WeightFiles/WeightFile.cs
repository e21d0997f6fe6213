namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>What a weights file holds, under the names that the file has.</summary>
/// <param name="Tensors">The entries in the order of the file.</param>
internal sealed record WeightFile(IReadOnlyList<WeightTensor> Tensors)
{
    /// <summary>How images become the network's input, where the file says it.</summary>
    public ImagePreprocessing? Preprocessing { get; init; }

    /// <summary>The names of the classes, where the file has them.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>The type that the classes' names had as labels, as a model file names it, where the file says it.</summary>
    public string? ClassType { get; init; }

    /// <summary>The network, where the file says it.</summary>
    public ResNetSpecification? Specification { get; init; }
}
