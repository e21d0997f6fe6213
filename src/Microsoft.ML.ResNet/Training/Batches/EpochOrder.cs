using Microsoft.ML.ResNet.Augmentations;

namespace Microsoft.ML.ResNet.Training;

/// <summary>The order of the rows of an epoch, drawn from seed and epoch alone.</summary>
internal static class EpochOrder
{
    /// <summary>
    /// Shuffles the rows. With n shards, row i belongs to shard i modulo n, each shard is shuffled by itself, and its rows take every n-th place. So n ranks keep to their own rows in all epochs, and any
    /// other number of ranks still has the same rows in the same steps.
    /// </summary>
    public static int[] Of(int rowCount, int shardCount, long seed, int epoch)
    {
        int[] order = new int[rowCount];
        SplitMix64 random = SplitMix64.ForEpoch(seed, epoch);
        for (int shard = 0; shard < shardCount; shard++)
        {
            int[] rows = [.. Enumerable.Range(0, (rowCount - shard + shardCount - 1) / shardCount).Select(i => shard + (i * shardCount))];
            random.Shuffle(rows);
            for (int i = 0; i < rows.Length; i++)
            {
                order[shard + (i * shardCount)] = rows[i];
            }
        }

        return order;
    }
}
