using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Trains by libtorch's operators and its automatic differentiation: any network, on any device.</summary>
internal sealed class AutogradTraining(ResidualNetwork network) : INetworkTraining
{
    public Tensor Forward(Tensor images) => network.forward(images);

    public void Backward(Tensor loss) => loss.backward();

    public void Dispose()
    {
    }
}
