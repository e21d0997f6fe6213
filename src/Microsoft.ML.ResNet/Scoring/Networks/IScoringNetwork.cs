using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>A trained network as it scores fast. Safe to use from many threads, within <c>inference_mode</c>.</summary>
internal interface IScoringNetwork : IDisposable
{
    /// <summary>Computes the logits.</summary>
    /// <param name="images">[N,C,H,W].</param>
    /// <returns>[N,K] float32, in the caller's dispose scope.</returns>
    Tensor Forward(ScoringImages images);

    /// <summary>Computes what the head reads: the last stage's activations, averaged over the image.</summary>
    /// <param name="images">[N,C,H,W].</param>
    /// <returns>[N,FeatureCount] float32, in the caller's dispose scope.</returns>
    Tensor Features(ScoringImages images);
}
