using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Sums over the images seen so far, so that means are over images, not over batches.</summary>
internal sealed record RunningMetrics
{
    public double LossSum { get; init; }

    public long CorrectCount { get; init; }

    public long TopKCorrectCount { get; init; }

    public int ImageCount { get; init; }

    public double Loss => ImageCount == 0 ? double.NaN : LossSum / ImageCount;

    public double Accuracy => ImageCount == 0 ? double.NaN : (double)CorrectCount / ImageCount;

    public double TopKAccuracy => ImageCount == 0 ? double.NaN : (double)TopKCorrectCount / ImageCount;

    /// <summary>The sums with a batch more.</summary>
    /// <param name="loss">The mean loss of the batch.</param>
    /// <param name="logits">[N,K].</param>
    /// <param name="labels">[N] int64.</param>
    /// <param name="topK">The number of classes of which one has to be right for the top-k accuracy; at most K.</param>
    public RunningMetrics With(double loss, Tensor logits, Tensor labels, int topK)
    {
        using var scope = NewDisposeScope();
        long[] correct = Hits(logits, labels, topK).data<long>().ToArray();
        return With(loss, (int)labels.shape[0], correct[0], correct[1]);
    }

    /// <summary>The sums with a batch more, of which the numbers are known.</summary>
    /// <param name="loss">The mean loss of the batch.</param>
    public RunningMetrics With(double loss, int count, long correct, long topKCorrect) => new()
    {
        LossSum = LossSum + (loss * count),
        CorrectCount = CorrectCount + correct,
        TopKCorrectCount = TopKCorrectCount + topKCorrect,
        ImageCount = ImageCount + count,
    };

    /// <summary>How many images of a batch are right, and how many among the first k classes, on the device.</summary>
    /// <returns>[2] int64, in the caller's scope.</returns>
    public static Tensor Hits(Tensor logits, Tensor labels, int topK)
    {
        using var scope = NewDisposeScope();
        Tensor hits = logits.detach().topk(topK).indexes.eq(labels.unsqueeze(1));
        return stack([hits.narrow(1, 0, 1).sum(), hits.sum()]).MoveToOuterDisposeScope();
    }
}
