namespace Microsoft.ML.ResNet.WeightFiles.PyTorch;

/// <summary>A Python class or function that a pickle names. It is a name here and nothing else.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public string FullName => $"{Module}.{Name}";
}
