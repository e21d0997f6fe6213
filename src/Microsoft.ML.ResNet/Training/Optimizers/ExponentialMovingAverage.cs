using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// An exponential moving average of a network's weights and running statistics (Polyak and Juditsky 1992; Tarvainen and Valpola 2017),
/// a network of its own. The decay begins low, so that the first weights are soon forgotten: min(decay, (1 + t) / (10 + t)).
/// </summary>
internal sealed class ExponentialMovingAverage : IDisposable
{
    private readonly double _decay;
    private readonly Device _device;

    private readonly ForeachOperations? _foreach;
    private readonly (Tensor[] Averages, Tensor[] Current) _weights;
    private readonly (Tensor[] Averages, Tensor[] Current) _counters;

    /// <param name="operations">Takes in all weights at once; null: one after the other.</param>
    public ExponentialMovingAverage(ResidualNetwork source, double decay, Device device, ForeachOperations? operations = null)
    {
        _foreach = operations;
        _decay = decay;
        _device = device;
        Network = new ResidualNetwork(source.Specification, source.InputChannels, source.ClassCount, seed: null) { ActivationType = source.ActivationType, FrozenStages = source.FrozenStages };
        Network.to(device);
        Network.CopyStateFrom(source.StateEntries);
        _weights = Pairs(source, isFloatingPoint: true);
        _counters = Pairs(source, isFloatingPoint: false);
    }

    /// <summary>The network with the averaged weights.</summary>
    public ResidualNetwork Network { get; }

    /// <summary>Takes in the source's weights after a step.</summary>
    /// <param name="step">The number of steps before.</param>
    public void Update(long step)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        double share = 1 - Math.Min(_decay, (1.0 + step) / (10.0 + step));
        if (_foreach is not null)
        {
            _foreach.Average(_weights.Averages, _weights.Current, share);
            _foreach.Copy(_counters.Averages, _counters.Current);
            return;
        }

        Tensor rest = tensor((float)share, device: _device);
        foreach (var (average, current) in _weights.Averages.Zip(_weights.Current))
        {
            average.lerp_(current, rest);
        }

        foreach (var (average, current) in _counters.Averages.Zip(_counters.Current))
        {
            average.copy_(current);
        }
    }

    private (Tensor[] Averages, Tensor[] Current) Pairs(ResidualNetwork source, bool isFloatingPoint) =>
    (
        [.. TrainedState(Network).Where(tensor => tensor.is_floating_point() == isFloatingPoint)],
        [.. TrainedState(source).Where(tensor => tensor.is_floating_point() == isFloatingPoint)]);

    private static IEnumerable<Tensor> TrainedState(ResidualNetwork network) => network.StateEntries.Where(entry => !network.IsFrozen(entry.Name)).Select(entry => entry.Tensor);

    public void Dispose() => Network.Dispose();
}
