using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.Runtime;
using TorchSharp;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>Reads the network of a saved model, ready to score.</summary>
internal static class StoredNetwork
{
    /// <param name="environment">Has the device and the log.</param>
    /// <param name="source">Begins the log's lines: the transformer's name.</param>
    /// <param name="classCount">The classes, or null for a network without its head.</param>
    /// <param name="weights">Safetensors.</param>
    /// <param name="create">Makes the transformer, which owns the network from then on.</param>
    /// <exception cref="InvalidDataException">The weights are not those of the network.</exception>
    public static T Load<T>(
        IHostEnvironment environment, string source, ResNetSpecification specification, int channels, int? classCount, Stream weights, ScoringPrecision precision, Func<ResidualNetwork, ScoringDevice, T> create)
    {
        NativeTorch.EnsureLoaded();
        ResidualNetwork network = NetworkWeights.Read(specification, channels, classCount ?? 1, weights, includeHead: classCount is not null, out long nonFiniteCount);
        try
        {
            using IChannel channel = environment.Start(source);
            NonFiniteWarning.Give(channel, "the model file", nonFiniteCount);
            torch.Device device = TorchDevice.Choose(environment, channel);
            return create(network, ScoringDevice.Choose(device, precision, ScoringBackend.Auto, environment, channel));
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }
}
