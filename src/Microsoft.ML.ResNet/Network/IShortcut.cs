using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Network;

/// <summary>The way around a residual branch where the branch changes size or channel count.</summary>
internal interface IShortcut
{
    /// <summary>Computes what is added to the branch: a new tensor of the branch's shape, in the caller's dispose scope.</summary>
    Tensor Forward(Tensor input, bool training);
}
