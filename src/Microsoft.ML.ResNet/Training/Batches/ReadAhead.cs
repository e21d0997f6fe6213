using Microsoft.ML.ResNet.Datasets;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Reads the files of streamed images in the order in which they lie on the disk, as far ahead of the batches as the shuffle buffer is large.</summary>
/// <param name="bufferSize">The rows of the shuffle buffer.</param>
internal sealed class ReadAhead(ImageDataset images, BatchPlan plan, int bufferSize)
{
    private EpochOrder _order = EpochOrder.None;
    private int _read;

    /// <summary>Begins an epoch, and drops what has been read for another.</summary>
    public void Begin(EpochOrder order)
    {
        images.Forget();
        _order = order;
        _read = 0;
    }

    /// <summary>Reads what has to be in the buffer for a batch of the epoch; batches come in their order, from any on.</summary>
    public void Advance(int batch)
    {
        int ranks = plan.RankCount;

        // A training that is resumed by another number of ranks has, to the end of the epoch, rows from all over the files.
        if (!images.IsStreamed || _order.Reads.Length != ranks)
        {
            return;
        }

        int[] reads = _order.Reads[plan.Rank];
        int first = plan[batch, 0] / ranks, last = plan[batch, plan.RowsOf(batch) - 1] / ranks;
        HashSet<int> passed = _read == 0 ? [.. Enumerable.Range(0, first).Select(i => _order.Rows[plan.Rank + (i * ranks)])] : [];
        int end = (int)Math.Min(reads.Length, last + 1L + bufferSize);
        if (end > _read)
        {
            images.ReadAhead([.. reads.AsSpan(_read, end - _read).ToArray().Where(row => !passed.Contains(row))]);
            _read = end;
        }
    }
}
