using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Takes images through the frozen stages as scoring does: normalisations are folded into convolutions, and nothing is kept for a backward pass. The weights are read at the first pass.
/// </summary>
internal sealed unsafe class FrozenForward : IDisposable
{
    private readonly ResidualNetwork _network;
    private readonly NetworkPlan _plan;
    private readonly int _threads;
    private readonly List<VectorConvolution> _convolutions = [];
    private VectorWorkspace? _workspace;

    /// <param name="network">On the CPU, with frozen stages.</param>
    public FrozenForward(ResidualNetwork network, int threads)
    {
        _network = network;
        _threads = threads;
        _plan = NetworkPlan.Of(network.Specification, network.InputChannels, network.ClassCount).UpTo(network.BlocksUpTo(network.FrozenStages));
    }

    /// <param name="images">[N,C,H,W] float32.</param>
    /// <returns>What the last frozen stage gives. It stays as it is until the next pass.</returns>
    public Activations Run(Tensor images)
    {
        using var scope = NewDisposeScope();
        long[] shape = images.shape;
        VectorWorkspace workspace = Workspace((int)shape[0], (int)shape[2], (int)shape[3]);
        TensorMemory.Values(images.permute(0, 2, 3, 1).contiguous()).CopyTo(new Span<float>(workspace.Input.Pointer, checked((int)workspace.Input.Length)));
        return workspace.Run();
    }

    public void Dispose()
    {
        _workspace?.Dispose();
        foreach (VectorConvolution convolution in _convolutions)
        {
            convolution.Dispose();
        }
    }

    private VectorWorkspace Workspace(int count, int height, int width)
    {
        if (_workspace?.Program.Input is { } input && input.Count == count && input.Height == height && input.Width == width)
        {
            return _workspace;
        }

        if (_convolutions.Count == 0)
        {
            _convolutions.AddRange(new FoldedNetwork(_network).Convolutions(_plan));
        }

        _workspace?.Dispose();
        _workspace = null;
        _workspace = new VectorWorkspace(new ExecutionPlan(_plan, _convolutions, count, height, width), _convolutions, _threads);
        return _workspace;
    }
}
