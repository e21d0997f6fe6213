namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>
/// What the images of a mixed batch show: row i is <c>Weights[i]</c> of class <c>Labels[i]</c> and the rest of class <c>Partners[i]</c>. Its loss is
/// <c>Weights[i] * loss(Labels[i]) + (1 - Weights[i]) * loss(Partners[i])</c>.
/// </summary>
/// <param name="Labels">[N], the classes of the batch as they were.</param>
/// <param name="Partners">[N], the class of the row that was mixed in; also given for a row that was not mixed, whose weight is 1.</param>
/// <param name="Weights">[N], 0 to 1: for CutMix the exact share of the area.</param>
internal sealed record MixedTargets(long[] Labels, long[] Partners, float[] Weights);
