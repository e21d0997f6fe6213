using Microsoft.ML.ResNet.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Network;

/// <summary>The linear layer from pooled features to logits.</summary>
internal sealed class Head
{
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
        new("fc.weight", _weight, ParameterKind.Weight),
        new("fc.bias", _bias, ParameterKind.Bias),
    ];

    /// <summary>Takes the owner's tensors under this layer's names: moving a module makes new ones.</summary>
    public void Rebind(nn.Module owner)
    {
        _weight = owner.get_parameter("fc.weight")!;
        _bias = owner.get_parameter("fc.bias")!;
    }

    public Tensor Forward(Tensor features) => nn.functional.linear(features, _weight, _bias);
}
