using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

/// <summary>What of tar files is in memory when a batch is filled, told by taking the files away.</summary>
[TestClass]
public sealed class ReadAheadTests
{
    private const int Files = 3, ImagesPerFile = 10, Count = Files * ImagesPerFile, Buffer = 8, BatchSize = 4, Side = 16;

    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void RemoveFolder() => _folder.Dispose();

    [TestMethod]
    [DataRow(0)]
    [DataRow(2)]
    public void Advance_ToABatch_HasReadTheBufferAndNoMore(int batch)
    {
        using ImageDataset images = Open();
        var plan = new BatchPlan(Count, BatchSize);
        EpochOrder order = EpochOrder.OfFiles(Count, 1, seed: 2, epoch: 1, EpochOrder.FilesOf(images.Entries)!, Buffer);
        var ahead = new ReadAhead(images, plan, Buffer);
        ahead.Begin(order);

        ahead.Advance(batch);

        Directory.GetFiles(_folder.Path).ToList().ForEach(File.Delete);
        int[] passed = order.Rows[..(batch * BatchSize)], read = order.Reads[0][..((batch + 1) * BatchSize + Buffer)];
        foreach (int row in Enumerable.Range(0, Count).Where(row => !read.Contains(row) || passed.Contains(row)))
        {
            Assert.Throws<IOException>(() => images.Prepare([row], threads: 1), $"Row {row} was not to be read.");
        }

        images.Prepare([.. read.Except(passed)], threads: 2);
        foreach (int row in read.Except(passed))
        {
            Assert.AreEqual(Side, images[row].Width);
        }
    }

    [TestMethod]
    public void Begin_AnotherEpoch_DropsWhatWasRead()
    {
        using ImageDataset images = Open();
        var ahead = new ReadAhead(images, new BatchPlan(Count, BatchSize), Buffer);
        EpochOrder order = EpochOrder.OfFiles(Count, 1, seed: 2, epoch: 1, EpochOrder.FilesOf(images.Entries)!, Buffer);
        ahead.Begin(order);
        ahead.Advance(0);

        ahead.Begin(order);

        Directory.GetFiles(_folder.Path).ToList().ForEach(File.Delete);
        Assert.Throws<IOException>(() => images.Prepare([order.Rows[0]], threads: 1));
    }

    private ImageDataset Open()
    {
        TarFiles.WriteColours(_folder.Path, Files, ImagesPerFile, Side);
        ImageEntry[] entries =
        [
            .. Enumerable.Range(0, Count).Select(row => new ImageEntry(row, row % 2, 1, ImageFile.Find($"{_folder.File($"train-{row / ImagesPerFile:D3}.tar")}/{row:D5}.png"))),
        ];
        var preprocessing = new ImagePreprocessing { Width = Side, Height = Side, Fit = ImageFit.ShortSideCrop, ShortSide = Side, Mean = [0, 0, 0], StandardDeviation = [1, 1, 1] };
        return new ImageDataset(new StreamedImages(entries, new TrainingImageFitter(preprocessing), channels: 3), entries, InputFormat.Of(Side, Side, PixelRange.ZeroTo255, [0, 0, 0], [1, 1, 1]));
    }
}
