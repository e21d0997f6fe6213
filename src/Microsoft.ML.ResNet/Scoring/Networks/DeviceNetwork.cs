using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>A network on the device that it scores on: the trained network itself on the CPU, a copy of it elsewhere.</summary>
internal sealed class DeviceNetwork : IDisposable
{
    private readonly ResidualNetwork _network;
    private readonly ResidualNetwork? _copy;
    private readonly IScoringNetwork? _scoring;

    private DeviceNetwork(ResidualNetwork network, ResidualNetwork? copy, NetworkInput input, IScoringNetwork? scoring)
    {
        _network = network;
        _copy = copy;
        _scoring = scoring;
        Input = input;
    }

    public NetworkInput Input { get; }

    /// <param name="network">On the CPU, in evaluation mode; it must live as long as the result.</param>
    public static DeviceNetwork Create(ResidualNetwork network, InputFormat format, ScoringDevice device)
    {
        ResidualNetwork? copy = device.Device.type == DeviceType.CPU ? null : Copy(network);
        try
        {
            copy?.to(device.Device);
            return new DeviceNetwork(copy ?? network, copy, new NetworkInput(format, device.Device), device.Prepare(network));
        }
        catch
        {
            copy?.Dispose();
            throw;
        }
    }

    /// <summary>Computes [N,K] from [N,C,H,W], within <c>inference_mode</c>.</summary>
    public Tensor Logits(ScoringImages images) => _scoring?.Forward(images) ?? _network.forward(images.ToTensor());

    /// <summary>Computes [N,FeatureCount] from [N,C,H,W], within <c>inference_mode</c>.</summary>
    public Tensor Features(ScoringImages images) => _scoring?.Features(images) ?? _network.Features(images.ToTensor());

    public void Dispose()
    {
        _scoring?.Dispose();
        _copy?.Dispose();
        Input.Dispose();
    }

    private static ResidualNetwork Copy(ResidualNetwork network)
    {
        var copy = new ResidualNetwork(network.Specification, network.InputChannels, network.ClassCount, seed: null) { ActivationType = network.ActivationType };
        copy.CopyStateFrom(network.StateEntries);
        copy.eval();
        foreach (NetworkParameter entry in copy.ParameterEntries)
        {
            entry.Parameter.requires_grad = false;
        }

        return copy;
    }
}
