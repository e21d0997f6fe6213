using TorchSharp.Modules;

namespace Microsoft.ML.ResNet.Network;

/// <summary>A trainable tensor of a network, with its name in the state.</summary>
internal sealed record NetworkParameter(string Name, Parameter Parameter, ParameterKind Kind);
