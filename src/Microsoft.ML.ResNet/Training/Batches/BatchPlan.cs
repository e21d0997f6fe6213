namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// How the rows of an epoch are cut into batches: all of one size but the last, every row once. A batch of one would have no variance
/// for batch norm where the feature map is a single pixel, so a single row that would be left over joins the batch before it.
/// </summary>
internal readonly record struct BatchPlan(int RowCount, int BatchSize)
{
    public int Count => Math.Max(1, (RowCount / BatchSize) + (RowCount % BatchSize > 1 ? 1 : 0));

    /// <summary>The rows of the largest batch.</summary>
    public int LargestBatch => Math.Max(Math.Min(RowCount, BatchSize), RowCount - ((Count - 1) * BatchSize));

    /// <summary>The rows of the batch with this number, counted from 0, as positions in the epoch's order.</summary>
    public Range this[int batch] => (batch * BatchSize)..(batch == Count - 1 ? RowCount : (batch + 1) * BatchSize);
}
