using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Datasets;

[TestClass]
public sealed class PixelVectorLoaderTests
{
    private readonly MLContext _context = new(1);

    private static readonly ImageColumn Column = new() { Name = "Features", Kind = FeatureKind.Pixels, Channels = 3, Height = 2, Width = 2, IsPlanar = true };

    [TestMethod]
    [DataRow(255f, PixelRange.ZeroTo255)]
    [DataRow(1f, PixelRange.ZeroToOne)]
    public void Load_WholePixels_AreKeptAsBytes(float maximum, PixelRange range)
    {
        float[] values = [.. Enumerable.Range(0, 12).Select(i => i * 23 * maximum / 255)];
        var (images, _) = Load([values], PixelRange.Auto);

        Assert.AreEqual(range, Loader().DetermineRange(Data([values]), PixelRange.Auto));
        Assert.AreEqual(1 * images.Format.Channels, images.PixelSize);
        // Planar [3,2,2] becomes interleaved [2,2,3].
        CollectionAssert.AreEqual(Interleaved.Select(i => (byte)(i * 23)).ToArray(), images[0].Pixels.ToArray());
        Assert.AreEqual(1 / (255 * 0.229f), images.Format.Scale[0], 1e-8f);
        Assert.AreEqual(-0.485f / 0.229f, images.Format.Offset[0], 1e-6f);
    }

    [TestMethod]
    public void Load_FractionsInALaterRow_KeepsAllRowsAsFloats()
    {
        float[] whole = [.. Enumerable.Range(0, 12).Select(i => (float)(i * 20))], fractions = [.. whole.Select(value => value + 0.25f)];

        var (images, _) = Load([whole, fractions], PixelRange.ZeroTo255);

        Assert.AreEqual(4 * images.Format.Channels, images.PixelSize);
        CollectionAssert.AreEqual(Interleaved.Select(i => whole[i]).ToArray(), Floats(images, 0));
        CollectionAssert.AreEqual(Interleaved.Select(i => fractions[i]).ToArray(), Floats(images, 1));
    }

    [TestMethod]
    public void Load_OutputOfNormalizePixels_IsKeptAsTheBytesThatItWas()
    {
        float[] values = [.. Enumerable.Range(0, 12).Select(i => (float)(i * 23))];
        IDataView raw = Data([values]);
        IDataView data = _context.Transforms.NormalizePixels("Features").Fit(raw).Transform(raw);

        PixelRange range = Loader().DetermineRange(data, PixelRange.Auto);
        var (images, _, _) = Loader().Load(data, Labels(data), Preprocessing(), new PixelValues(range));

        Assert.AreEqual(PixelRange.Normalized, range);
        Assert.AreEqual(1 * images.Format.Channels, images.PixelSize);
        CollectionAssert.AreEqual(Interleaved.Select(i => (byte)(i * 23)).ToArray(), images[0].Pixels.ToArray());
        // The line back is NormalizePixels's own.
        float[] normalized = data.GetColumn<float[]>(data.Schema["Features"]).Single();
        for (int i = 0; i < 12; i++)
        {
            Assert.AreEqual(normalized[i], (values[i] * images.Format.Scale[i / 4]) + images.Format.Offset[i / 4], 1e-5f);
        }
    }

    [TestMethod]
    public void Load_UnannotatedNegativeValues_AreTakenAsNormalized()
    {
        float[] values = [.. Enumerable.Range(0, 12).Select(i => (i - 6) / 3f)];

        Assert.AreEqual(PixelRange.Normalized, Loader().DetermineRange(Data([values]), PixelRange.Auto));
        var (images, _) = Load([values], PixelRange.Normalized);
        Assert.AreEqual(4 * images.Format.Channels, images.PixelSize);
        CollectionAssert.AreEqual(new[] { 1f, 1f, 1f }, images.Format.Scale);
        CollectionAssert.AreEqual(new[] { 0f, 0f, 0f }, images.Format.Offset);
    }

    [TestMethod]
    [DataRow(65535f)]
    [DataRow(256f)]
    public void DetermineRange_ValueThatIsNoPixelAndNotNormalized_IsRefused(float value)
    {
        float[] row = new float[12];
        row[7] = value;

        Assert.AreEqual(
            $"Row 1 has the pixel value {value} in column 'Features', and no value in the first 64 rows is below 0: these are neither pixels of 0 to 255 or 0 to 1 nor normalised. Scale them to 0 to 255, or set PixelRange to what the values mean.",
            Assert.ThrowsExactly<InvalidDataException>(() => Loader().DetermineRange(Data([new float[12], row]), PixelRange.Auto)).Message);
        Assert.AreEqual(PixelRange.Normalized, Loader().DetermineRange(Data([row]), PixelRange.Normalized));
    }

    [TestMethod]
    [DataRow(1.0000001f, PixelRange.ZeroToOne)]
    [DataRow(255.00002f, PixelRange.ZeroTo255)]
    public void DetermineRange_RoundingAboveWhite_IsTheSameRange(float value, PixelRange expected)
    {
        float[] row = new float[12];
        row[7] = value;

        Assert.AreEqual(expected, Loader().DetermineRange(Data([row]), PixelRange.Auto));
    }

    [TestMethod]
    public void Load_ValueOutOfRange_NamesRowValueAndOption()
    {
        float[] small = new float[12], large = new float[12];
        large[5] = 200;

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => Load([small, large], PixelRange.ZeroToOne));

        Assert.AreEqual(
            "Row 1 has the pixel value 200 in column 'Features', expected 0 to 1, as PixelRange ZeroToOne says or as the first training rows are. Set PixelRange to what the values mean.",
            exception.Message);
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    public void Load_ValueThatIsNotFinite_StopsOrIsSkipped(float value)
    {
        float[] good = new float[12], bad = new float[12];
        bad[3] = value;

        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => Load([good, bad], PixelRange.ZeroTo255)).Message, "Row 1 has the pixel value ");
        var (images, log) = Load([good, bad, good], PixelRange.ZeroTo255, BadImageHandling.Skip);
        Assert.AreEqual(2, images.Count);
        Assert.AreEqual(1, log.Count);
        StringAssert.StartsWith(log.Summary(3), "1 of 3 images can't be read and are left out. Row 1 has the pixel value ");
    }

    [TestMethod]
    public void DetermineRange_SettingThatContradictsNormalizePixels_SaysWhatToSet()
    {
        IDataView raw = Data([new float[12]]);
        IDataView data = _context.Transforms.NormalizePixels("Features").Fit(raw).Transform(raw);

        Assert.AreEqual(
            "PixelRange is ZeroTo255, but feature column 'Features' comes from NormalizePixels. Set PixelRange to Auto or Normalized, or leave NormalizePixels out.",
            Assert.ThrowsExactly<ArgumentException>(() => Loader().DetermineRange(data, PixelRange.ZeroTo255)).Message);
    }

    [TestMethod]
    public void Load_SparseVector_IsFilledWithZeros()
    {
        var buffer = new VBuffer<float>(12, 1, [7f], [2]);
        float[] values = new float[12];

        PixelVector.CopyTo(in buffer, values, "Features", 0);

        CollectionAssert.AreEqual(new float[] { 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, values);
    }

    private static readonly int[] Interleaved = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11];

    private static float[] Floats(ImageDataset images, int index) => MemoryMarshal.Cast<byte, float>(images[index].Pixels).ToArray();

    private (ImageDataset Images, BadImageLog Bad) Load(float[][] rows, PixelRange range, BadImageHandling handling = BadImageHandling.Throw)
    {
        IDataView data = Data(rows);
        PixelVectorLoader loader = Loader(handling);
        var (images, bad, _) = loader.Load(data, Labels(data), Preprocessing(), new PixelValues(loader.DetermineRange(data, range)));
        return (images, bad);
    }

    private static PixelVectorLoader Loader(BadImageHandling handling = BadImageHandling.Throw)
        => new(Column, handling, new ImageCacheSettings(long.MaxValue, ""), () => { });

    private static LabeledRows Labels(IDataView data) => LabeledRows.Read(data, new LabeledRowColumns("Label", "Label column"), Column, null, () => { });

    private IDataView Data(float[][] rows) => _context.Data.LoadFromEnumerable(rows.Select(row => new Row { Features = row }));

    private static ImagePreprocessing Preprocessing() => new()
    {
        Width = 2,
        Height = 2,
        Fit = ImageFit.ShortSideCrop,
        ShortSide = 2,
        Mean = [0.485f, 0.456f, 0.406f],
        StandardDeviation = [0.229f, 0.224f, 0.225f],
    };

    private sealed class Row
    {
        [KeyType(2)]
        public uint Label { get; set; } = 1;

        [VectorType(3, 2, 2)]
        public float[] Features { get; set; } = [];
    }
}
