using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Sums over the images seen so far, so that means are over images, not over batches.</summary>
internal struct RunningMetrics
{
    private double _loss;
    private long _correct;

    public int ImageCount { get; private set; }

    public readonly double Loss => ImageCount == 0 ? double.NaN : _loss / ImageCount;

    public readonly double Accuracy => ImageCount == 0 ? double.NaN : (double)_correct / ImageCount;

    /// <summary>Adds a batch.</summary>
    /// <param name="loss">The mean loss of the batch.</param>
    /// <param name="logits">[N,K].</param>
    /// <param name="labels">[N] int64.</param>
    public void Add(double loss, Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        int count = (int)labels.shape[0];
        _loss += loss * count;
        _correct += logits.detach().argmax(1).eq(labels).sum().item<long>();
        ImageCount += count;
    }
}
