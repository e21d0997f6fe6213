namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// How the rows of an epoch are cut into steps and batches, for one of several ranks that train together. The rows of a step are dealt out to the batches of all ranks in turn, so that a batch is the
/// same whether ranks or accumulated batches make up the step. All batches are of one size, but for those of the last step; every row comes once. A batch of one would have no variance for batch
/// norm where the feature map is a single pixel, so rows that would be left over, fewer than two a batch, join the step before them.
/// </summary>
/// <param name="TotalRows">The rows of all ranks.</param>
/// <param name="BatchSize">The rows that are forwarded at once.</param>
/// <param name="BatchesPerStep">The batches of a rank whose gradients are added up before the weights change.</param>
/// <param name="Rank">The rank whose batches these are.</param>
/// <param name="RankCount">The ranks.</param>
internal readonly record struct BatchPlan(int TotalRows, int BatchSize, int BatchesPerStep = 1, int Rank = 0, int RankCount = 1)
{
    /// <summary>The rows of all ranks that change the weights together.</summary>
    public long StepSize => (long)BatchSize * StepBatches;

    /// <summary>The steps of an epoch, on every rank.</summary>
    public int StepCount => Math.Max(1, (int)((TotalRows / StepSize) + (TotalRows % StepSize >= 2L * StepBatches ? 1 : 0)));

    /// <summary>The batches of this rank.</summary>
    public int Count => StepCount * BatchesPerStep;

    /// <summary>The rows of the largest batch.</summary>
    public int LargestBatch => Math.Max(RowsOf(0), RowsOf(Count - BatchesPerStep));

    /// <summary>The batches of a step on all ranks.</summary>
    private int StepBatches => checked(BatchesPerStep * RankCount);

    /// <summary>The rows of the batch with this number, counted from 0.</summary>
    public int RowsOf(int batch) => checked((int)((RowsOfStep(batch / BatchesPerStep) - Place(batch) + StepBatches - 1) / StepBatches));

    /// <summary>Where in the epoch's order a row of a batch is.</summary>
    public int this[int batch, int row] => checked((int)((batch / BatchesPerStep * StepSize) + Place(batch) + ((long)row * StepBatches)));

    /// <summary>The number of a batch among those of its step on all ranks.</summary>
    private int Place(int batch) => Rank + (batch % BatchesPerStep * RankCount);

    private long RowsOfStep(int step) => step == StepCount - 1 ? TotalRows - (step * StepSize) : StepSize;
}
