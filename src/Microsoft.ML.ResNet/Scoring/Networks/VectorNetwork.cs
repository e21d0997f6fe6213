using System.Collections.Concurrent;
using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// A trained network that scores by this library's own kernels: normalisations folded into convolutions, sums and
/// ReLUs done where a convolution stores its result, 3x3 convolutions by Winograd's algorithm. Where several threads score at
/// once, one has all cores for its pass and the others one each.
/// </summary>
internal sealed class VectorNetwork : IScoringNetwork
{
    /// <summary>How many workspaces are kept between passes: as many as can be at work.</summary>
    private static readonly int s_keptWorkspaces = Math.Max(2, Environment.ProcessorCount);

    private readonly FoldedNetwork _folded;
    private readonly int _featureCount;
    private readonly List<VectorConvolution> _convolutions = [];
    private readonly ConcurrentQueue<VectorWorkspace> _idle = new();

    /// <param name="network">On the CPU, in evaluation mode; it must live as long as this.</param>
    public VectorNetwork(ResidualNetwork network)
    {
        _folded = new FoldedNetwork(network);
        _featureCount = network.FeatureCount;
        try
        {
            _convolutions.AddRange(_folded.Convolutions(_folded.Plan));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Whether this processor has the instructions.</summary>
    public static bool IsSupported => MatrixKernel.IsSupported;

    public Tensor Forward(ScoringImages images)
    {
        using Tensor features = Features(images);
        return nn.functional.linear(features, _folded.HeadWeight, _folded.HeadBias);
    }

    public Tensor Features(ScoringImages images)
    {
        using var scope = NewDisposeScope();
        Tensor features = empty(images.Count, _featureCount);
        VectorWorkspace workspace = Take(images.Count, images.Height, images.Width);
        try
        {
            Run(workspace, images, features);
        }
        finally
        {
            Return(workspace);
        }

        return features.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        while (_idle.TryDequeue(out VectorWorkspace? workspace))
        {
            workspace.Dispose();
        }

        foreach (VectorConvolution convolution in _convolutions)
        {
            convolution.Dispose();
        }
    }

    private unsafe void Run(VectorWorkspace workspace, ScoringImages images, Tensor features)
    {
        if (images.Format is { } format)
        {
            fixed (byte* pixels = images.Pixels)
            {
                workspace.Run(TensorMemory.Floats(features), _featureCount, new PixelLoading((nint)pixels, format, workspace.Input));
            }

            return;
        }

        TensorMemory.Values(images.ToTensor().permute(0, 2, 3, 1).contiguous()).CopyTo(new Span<float>(workspace.Input.Pointer, checked((int)workspace.Input.Length)));
        workspace.Run(TensorMemory.Floats(features), _featureCount);
    }

    private VectorWorkspace Take(int count, int height, int width)
    {
        int threads = KernelThreads.Count;
        while (_idle.TryDequeue(out VectorWorkspace? workspace))
        {
            Activations input = workspace.Program.Input;
            if (input.Count == count && input.Height == height && input.Width == width && workspace.Threads == threads)
            {
                return workspace;
            }

            workspace.Dispose();
        }

        return new VectorWorkspace(new ExecutionPlan(_folded.Plan, _convolutions, count, height, width), _convolutions, threads);
    }

    private void Return(VectorWorkspace workspace)
    {
        if (_idle.Count < s_keptWorkspaces)
        {
            _idle.Enqueue(workspace);
        }
        else
        {
            workspace.Dispose();
        }
    }
}
