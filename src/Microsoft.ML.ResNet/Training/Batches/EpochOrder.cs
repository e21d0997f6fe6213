using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Datasets;

namespace Microsoft.ML.ResNet.Training;

/// <summary>The order of the rows of an epoch, drawn from seed and epoch alone.</summary>
/// <param name="Rows">All rows. With n shards, those of shard i take every n-th place from the i-th on.</param>
/// <param name="Reads">Of each shard its rows in the order in which their files are to be read; empty where that is the order in which they come.</param>
internal sealed record EpochOrder(int[] Rows, int[][] Reads)
{
    /// <summary>No rows.</summary>
    public static EpochOrder None { get; } = new([], []);

    /// <summary>
    /// Shuffles the rows. With n shards, row i belongs to shard i modulo n, each shard is shuffled by itself, and its rows take every n-th place. So n ranks keep to their own rows in all epochs, and any
    /// other number of ranks still has the same rows in the same steps.
    /// </summary>
    public static EpochOrder Of(int rowCount, int shardCount, long seed, int epoch)
    {
        int[] order = new int[rowCount];
        SplitMix64 random = SplitMix64.ForEpoch(seed, epoch);
        for (int shard = 0; shard < shardCount; shard++)
        {
            int[] rows = [.. Enumerable.Range(0, RowsOf(shard, shardCount, rowCount)).Select(i => shard + (i * shardCount))];
            random.Shuffle(rows);
            Place(rows, order, shard, shardCount);
        }

        return new EpochOrder(order, []);
    }

    /// <summary>
    /// Shuffles rows that lie in files which are best read from their beginning to their end. With n shards, each is the n-th part of all rows, one after the other. In each epoch a shard takes its files, or its parts of them, in another
    /// order, reads row after row into a buffer, and draws the next row from the buffer at random.
    /// </summary>
    /// <param name="files">The first row of each file, ascending, from 0.</param>
    /// <param name="bufferSize">The rows in the buffer.</param>
    public static EpochOrder OfFiles(int rowCount, int shardCount, long seed, int epoch, int[] files, int bufferSize)
    {
        int[] order = new int[rowCount];
        int[][] reads = new int[shardCount][];
        SplitMix64 random = SplitMix64.ForEpoch(seed, epoch);
        for (int shard = 0, start = 0; shard < shardCount; shard++)
        {
            int end = start + RowsOf(shard, shardCount, rowCount);
            int[] starts = [start, .. files.Where(first => first > start && first < end)];
            int[] parts = [.. Enumerable.Range(0, starts.Length)];
            random.Shuffle(parts);
            reads[shard] = [.. parts.SelectMany(part => Range(starts[part], part + 1 < starts.Length ? starts[part + 1] : end))];
            Place(ThroughBuffer(reads[shard], bufferSize, ref random), order, shard, shardCount);
            start = end;
        }

        return new EpochOrder(order, reads);
    }

    /// <summary>The first row of each file, where images lie in tar files; else null.</summary>
    public static int[]? FilesOf(ImageEntry[] images)
        => Array.Exists(images, image => image.File.IsMember)
            ? [.. Enumerable.Range(0, images.Length).Where(row => row == 0 || images[row].File.Path != images[row - 1].File.Path)]
            : null;

    private static int[] ThroughBuffer(int[] reads, int size, ref SplitMix64 random)
    {
        int[] buffer = reads[..Math.Min(size, reads.Length)];
        int[] order = new int[reads.Length];
        int count = buffer.Length, next = count;
        for (int i = 0; i < order.Length; i++)
        {
            int drawn = random.Next(count);
            order[i] = buffer[drawn];
            buffer[drawn] = next < reads.Length ? reads[next++] : buffer[--count];
        }

        return order;
    }

    private static int RowsOf(int shard, int shardCount, int rowCount) => (rowCount - shard + shardCount - 1) / shardCount;

    private static void Place(int[] rows, int[] order, int shard, int shardCount)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            order[shard + (i * shardCount)] = rows[i];
        }
    }

    private static IEnumerable<int> Range(int start, int end) => Enumerable.Range(start, end - start);
}
