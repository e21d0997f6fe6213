using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.ResNet.Training;
using Microsoft.ML.Runtime;
using TorchSharp;

namespace Microsoft.ML.ResNet;

/// <summary>What a training begins with: data that have been read, a network with its first weights, and settings.</summary>
/// <param name="Mode">How pretrained weights are trained; null where there are none.</param>
internal sealed record PreparedTraining(
    ResidualNetwork Network, TrainingData Data, TrainingSettings Settings, FineTuningMode? Mode, ScoringDevice Scoring, IHostEnvironment Environment, IChannel Channel, TrainingCallbacks Host)
{
    public LabeledImages Images { get; } = new(Data.Training, Data.Weights, Data.Validation, Data.Labels.Count);

    /// <summary>What computes features: always in float32.</summary>
    public ScoringDevice Features => Scoring.Type == torch.ScalarType.Float32 ? Scoring : ScoringDevice.Choose(Scoring.Device, ScoringPrecision.Float32, Scoring.Backend, Environment, Channel);
}
