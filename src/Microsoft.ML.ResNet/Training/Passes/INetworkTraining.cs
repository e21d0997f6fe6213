using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>How a network is taken forward and backward in training.</summary>
internal interface INetworkTraining : IDisposable
{
    /// <summary>Computes the logits, and keeps what backward needs.</summary>
    /// <param name="images">[N,C,H,W] float32, normalised.</param>
    /// <returns>[N,K] float32, in the caller's dispose scope.</returns>
    Tensor Forward(Tensor images);

    /// <summary>Gives every parameter its gradient.</summary>
    /// <param name="loss">A scalar computed from the logits of the last <see cref="Forward"/>.</param>
    /// <param name="ready">Told the name of each parameter when its gradient is complete, from the last layers to the first; or null.</param>
    void Backward(Tensor loss, Action<string>? ready = null);
}
