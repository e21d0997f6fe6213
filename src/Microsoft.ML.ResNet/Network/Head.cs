using Microsoft.ML.ResNet.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Network;

/// <summary>The linear layer from pooled features to logits.</summary>
internal sealed class Head
{
    public const string WeightName = "fc.weight", BiasName = "fc.bias";

    private Parameter _weight;
    private Parameter _bias;

    /// <summary>Allocates the tensors in the caller's dispose scope.</summary>
    public Head(int featureCount, int classCount, HeInitialization initialization)
    {
        _weight = TorchParameter.Create(initialization.Linear([classCount, featureCount], featureCount));
        _bias = TorchParameter.Create(initialization.Linear([classCount], featureCount));
    }

    public IEnumerable<NetworkParameter> Parameters =>
    [
        new(WeightName, _weight, ParameterKind.Weight),
        new(BiasName, _bias, ParameterKind.Bias),
    ];

    /// <summary>Whether an entry of a state dictionary belongs to this layer and not to the network before it.</summary>
    public static bool Owns(string name) => name.StartsWith("fc.", StringComparison.Ordinal);

    /// <summary>Takes the owner's tensors under this layer's names: moving a module makes new ones.</summary>
    public void Rebind(nn.Module owner)
    {
        _weight = owner.get_parameter(WeightName)!;
        _bias = owner.get_parameter(BiasName)!;
    }

    public Tensor Forward(Tensor features) => nn.functional.linear(features, _weight, _bias);
}
