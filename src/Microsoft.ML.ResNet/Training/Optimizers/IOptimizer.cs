using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Changes the weights of a network by their gradients.</summary>
internal interface IOptimizer : IDisposable
{
    /// <summary>What it remembers between steps, by name; its own tensors.</summary>
    IReadOnlyList<(string Name, Tensor Tensor)> State { get; }

    /// <summary>The steps taken; set when a training is resumed.</summary>
    long StepCount { get; set; }

    /// <summary>Takes one step along the gradients and forgets them.</summary>
    void Step(double learningRate);
}
