using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Trains by libtorch's operators and its automatic differentiation: any network, on any device.</summary>
/// <param name="network">The network.</param>
/// <param name="byStages">Whether backward goes stage by stage, and tells of each stage's gradients when they are there, rather than at its end.</param>
internal sealed class AutogradTraining(ResidualNetwork network, bool byStages = false) : INetworkTraining
{
    private readonly List<(Tensor Output, Tensor Input)> _cuts = [];

    public Tensor Forward(Tensor images)
    {
        if (!byStages)
        {
            return network.forward(images);
        }

        Clear();
        using var scope = NewDisposeScope();
        int frozen = network.FrozenStages;
        Tensor current = frozen > 0 ? network.FrozenActivations(images) : network.ForwardStem(images);
        for (int stage = frozen + 1; stage <= network.Specification.Depths.Count; stage++)
        {
            // No gradient goes into what is frozen.
            Tensor input = current.detach().requires_grad_(frozen == 0 || stage > frozen + 1);
            _cuts.Add((current.DetachFromDisposeScope(), input.DetachFromDisposeScope()));
            current = network.ForwardStage(input, stage);
        }

        return network.ForwardHead(current).MoveToOuterDisposeScope();
    }

    public void Backward(Tensor loss, Action<string>? ready)
    {
        loss.backward();
        if (!byStages)
        {
            Tell(ready, _ => true);
            return;
        }

        using var scope = NewDisposeScope();
        Tell(ready, Head.Owns);
        for (int i = _cuts.Count - 1; i >= 0; i--)
        {
            string prefix = $"layer{network.FrozenStages + i + 1}.";
            Tell(ready, name => name.StartsWith(prefix, StringComparison.Ordinal));
            var (output, input) = _cuts[i];
            if (input.requires_grad)
            {
                output.backward([input.grad!]);
            }
        }

        Tell(ready, name => !name.StartsWith("layer", StringComparison.Ordinal) && !Head.Owns(name));
        Clear();
    }

    public void Dispose() => Clear();

    private void Tell(Action<string>? ready, Func<string, bool> isMeant)
    {
        if (ready is not null)
        {
            foreach (NetworkParameter entry in network.TrainedParameters.Reverse().Where(entry => isMeant(entry.Name)))
            {
                ready(entry.Name);
            }
        }
    }

    private void Clear()
    {
        foreach (var (output, input) in _cuts)
        {
            output.Dispose();
            input.Dispose();
        }

        _cuts.Clear();
    }
}
