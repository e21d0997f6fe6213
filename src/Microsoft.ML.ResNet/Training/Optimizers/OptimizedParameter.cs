using TorchSharp.Modules;

namespace Microsoft.ML.ResNet.Training;

/// <summary>A parameter as an optimiser treats it.</summary>
/// <param name="Name">Its name in the network's state.</param>
/// <param name="HasWeightDecay">Whether weight decay applies: to weights of convolutions and of the head, not to norms and biases.</param>
/// <param name="RateScale">What the learning rate is multiplied by for it.</param>
internal readonly record struct OptimizedParameter(string Name, Parameter Parameter, bool HasWeightDecay, double RateScale = 1);
