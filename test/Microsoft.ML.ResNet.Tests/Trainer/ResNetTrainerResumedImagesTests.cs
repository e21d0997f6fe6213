using static Microsoft.ML.ResNet.Tests.ImageRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>A training goes on with the images that it was begun with, and with no others.</summary>
[TestClass]
public sealed class ResNetTrainerResumedImagesTests
{
    private readonly MLContext _context = new(1);
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void Cleanup() => _folder.Dispose();

    [TestMethod]
    [DataRow(BadImageHandling.Throw)]
    [DataRow(BadImageHandling.Skip)]
    public void Fit_RowWithAnotherFile_NamesIt(BadImageHandling handling)
    {
        List<ImageRow> rows = Write(_folder.File("images"), 12);
        Fit(rows, "ImagePath", resumes: false, handling);
        rows[0].ImagePath = rows[3].ImagePath;

        AssertRefused(rows, "ImagePath", $"training images are others than then: the first in row 0 ('{rows[0].ImagePath}'). ", handling);
    }

    [TestMethod]
    public void Fit_FileWithOtherContent_NamesIt()
    {
        List<ImageRow> rows = Write(_folder.File("images"), 12);
        Fit(rows, "ImagePath", resumes: false);
        File.WriteAllBytes(rows[5].ImagePath, rows[2].Content);

        AssertRefused(rows, "ImagePath", $"training images are others than then: the first in row 5 ('{rows[5].ImagePath}'). ");
    }

    [TestMethod]
    public void Fit_OtherBytes_NamesTheRow()
    {
        List<ImageRow> rows = Write(_folder.File("images"), 12);
        Fit(rows, "Content", resumes: false);
        (rows[1].Content, rows[4].Content) = (rows[4].Content, rows[1].Content);

        AssertRefused(rows, "Content", "training images are others than then: the first in row 1, and 1 more. ");
    }

    [TestMethod]
    public void Fit_OtherPixels_NamesTheRow()
    {
        List<PixelRow> rows = PixelRows.Create(12);
        Fit(rows, "Features", resumes: false);
        rows[7].Features[0] = rows[7].Features[0] == 9 ? 8 : 9;

        AssertRefused(rows, "Features", "training images are others than then: the first in row 7. ");
    }

    [TestMethod]
    public void Fit_MovedFolder_GoesOn()
    {
        List<ImageRow> rows = Write(_folder.File("images"), 12);
        Fit(rows, "ImagePath", resumes: false);
        Directory.Move(_folder.File("images"), _folder.File("moved"));
        rows.ForEach(row => row.ImagePath = row.ImagePath.Replace("images", "moved", StringComparison.Ordinal));

        Fit(rows, "ImagePath", resumes: true);
    }

    private void AssertRefused<TRow>(List<TRow> rows, string column, string expected, BadImageHandling handling = BadImageHandling.Throw)
        where TRow : class
        => StringAssert.Contains(
            Assert.ThrowsExactly<InvalidDataException>(() => Fit(rows, column, resumes: true, handling)).Message, $"It was made with other settings or data: {expected}");

    private void Fit<TRow>(List<TRow> rows, string column, bool resumes, BadImageHandling handling = BadImageHandling.Throw)
        where TRow : class
    {
        ResNetTrainer.Options options = Options(column, epochs: 1);
        options.CheckpointDirectory = _folder.File("checkpoints");
        options.ResumeFromCheckpoint = resumes;
        options.BadImages = handling;
        _context.MulticlassClassification.Trainers.ResNet(options).Fit(PixelRows.Keyed(_context, rows)).Dispose();
    }
}
