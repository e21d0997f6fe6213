using Microsoft.ML.ResNet.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Cross-entropy with label smoothing, class weights, example weights and mixed labels. The mean is weighted: each image counts by its
/// class's weight times its own, as PyTorch's <c>cross_entropy</c> takes the mean with class weights.
/// </summary>
/// <param name="labelSmoothing">The share of the target that all classes have in common.</param>
/// <param name="classWeights">[K] float32, or null.</param>
internal sealed class TrainingLoss(double labelSmoothing, Tensor? classWeights) : IDisposable
{
    /// <summary>The mean loss of a batch.</summary>
    /// <param name="logits">[N,K] float32.</param>
    /// <param name="weighsClasses">Whether class weights count.</param>
    /// <returns>A scalar, in the caller's scope.</returns>
    public Tensor Mean(Tensor logits, TrainingBatch batch, bool weighsClasses = true)
    {
        Tensor? byClass = weighsClasses ? classWeights : null;
        if (byClass is null && batch.Weights is null && batch.Mixing is null)
        {
            return nn.functional.cross_entropy(logits, batch.Labels, label_smoothing: labelSmoothing);
        }

        using var scope = NewDisposeScope();
        (Tensor losses, Tensor? weights) = Losses(logits, batch.Labels, byClass);
        if (batch.Mixing is { } mixing)
        {
            (Tensor others, Tensor? otherWeights) = Losses(logits, mixing.Labels, byClass);
            Tensor rest = ones_like(mixing.Shares) - mixing.Shares;
            losses = (losses * mixing.Shares).Plus(others * rest);
            weights = weights is null ? null : (weights * mixing.Shares).Plus(otherWeights! * rest);
        }

        if (batch.Weights is { } exampleWeights)
        {
            losses *= exampleWeights;
            weights = weights is null ? exampleWeights : weights * exampleWeights;
        }

        Tensor mean = weights is null ? losses.mean() : losses.sum() / weights.sum().maximum(tensor(TinyWeight, device: weights.device));
        return mean.MoveToOuterDisposeScope();
    }

    /// <summary>Keeps the mean of a batch in which every weight is zero at zero.</summary>
    public const float TinyWeight = 1e-12f;

    /// <summary>How much a batch counts beside others: the sum of its images' weights, or their number where all count the same.</summary>
    /// <param name="weighsClasses">Whether class weights count.</param>
    /// <returns>A scalar, in the caller's scope.</returns>
    public Tensor Weight(TrainingBatch batch, bool weighsClasses = true)
    {
        Tensor? byClass = weighsClasses ? classWeights : null;
        using var scope = NewDisposeScope();
        Tensor? weights = byClass?.index_select(0, batch.Labels);
        if (weights is not null && batch.Mixing is { } mixing)
        {
            weights = (weights * mixing.Shares).Plus(byClass!.index_select(0, mixing.Labels) * (ones_like(mixing.Shares) - mixing.Shares));
        }

        if (batch.Weights is { } exampleWeights)
        {
            weights = weights is null ? exampleWeights : weights * exampleWeights;
        }

        return (weights?.sum() ?? tensor((float)batch.Labels.shape[0], device: batch.Labels.device)).MoveToOuterDisposeScope();
    }

    public void Dispose() => classWeights?.Dispose();

    private (Tensor Losses, Tensor? Weights) Losses(Tensor logits, Tensor labels, Tensor? byClass)
        => (nn.functional.cross_entropy(logits, labels, byClass, reduction: nn.Reduction.None, label_smoothing: labelSmoothing),
            byClass?.index_select(0, labels));
}
