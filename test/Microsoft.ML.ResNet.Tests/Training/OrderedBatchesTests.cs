using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class OrderedBatchesTests
{
    private const int Side = 60, Count = 150;

    [TestMethod]
    public void Take_BatchesOfTwoViews_HasEveryImageOnceInOrder()
    {
        using ImageDataset images = Images();
        using var batches = new OrderedBatches(images, CPU, (row, view, _, _, target) => target.Fill((byte)(row + view)));
        List<byte> values = [];
        for (int view = 0; view < 2; view++)
        {
            for (int start = 0; start < Count;)
            {
                using var scope = NewDisposeScope();
                batches.Begin(start, view);
                Tensor batch = batches.Take();
                CollectionAssert.AreEqual(new long[] { Math.Min(batches.BatchSize, Count - start), 3, Side, Side }, batch.shape);
                values.AddRange(batch.flatten(1).data<float>().ToArray().Chunk(3 * Side * Side).Select(image => (byte)Math.Round(image.Distinct().Single())));
                start += (int)batch.shape[0];
            }
        }

        CollectionAssert.AreEqual(Enumerable.Range(0, Count).Concat(Enumerable.Range(1, Count)).Select(value => (byte)value).ToArray(), values.ToArray());
    }

    [TestMethod]
    public void Take_RowThatFails_ThrowsAsTheRowDoes()
    {
        using ImageDataset images = Images();
        using var batches = new OrderedBatches(images, CPU, (row, _, _, _, _) => _ = row == 7 ? throw new InvalidDataException("row 7") : 0);
        batches.Begin(0);

        Assert.AreEqual("row 7", Assert.ThrowsExactly<InvalidDataException>(() => batches.Take()).Message);
        Assert.ThrowsExactly<InvalidOperationException>(() => batches.Take());
    }

    private static ImageDataset Images()
    {
        var cache = new PixelCache(channels: 3, elementSize: 1, memoryLimit: 1 << 30, Path.GetTempPath());
        for (int i = 0; i < Count; i++)
        {
            cache.Add(2, 2);
        }

        return new ImageDataset(new CachedImages(cache, Count), [.. Enumerable.Range(0, Count).Select(row => new ImageEntry(row, 0, 1))], InputFormat.Of(Side, Side, PixelRange.ZeroTo255, [0, 0, 0], [1 / 255f, 1 / 255f, 1 / 255f]));
    }
}
