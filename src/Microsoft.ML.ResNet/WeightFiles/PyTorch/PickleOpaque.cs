namespace Microsoft.ML.ResNet.WeightFiles.PyTorch;

/// <summary>A value of a pickle that weights don't need, such as a training script's settings: known to be harmless, and dropped.</summary>
internal sealed class PickleOpaque
{
    public static readonly PickleOpaque Instance = new();

    private PickleOpaque()
    {
    }
}
