using Microsoft.ML.Data;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.DataQuality;

/// <summary>Pairs of images: exactly those that are there.</summary>
[TestClass]
public sealed class DuplicateImagesTests
{
    private const int FeatureCount = 8;

    private static readonly MLContext Context = new(1);

    /// <summary>More rows than a block, by every pair's own cosine.</summary>
    [TestMethod]
    public void FindDuplicateImages_ManyRows_FindsAllPairsAndNoOthers()
    {
        const float threshold = 0.99f;
        var random = new Random(4);
        Row[] rows = [.. Enumerable.Range(0, 2100).Select(i => new Row { ImagePath = $"{i}", Features = [.. Enumerable.Range(0, FeatureCount).Select(_ => (float)random.NextDouble())] })];
        rows[2099].Features = [.. rows[7].Features.Select(value => 3 * value)];
        HashSet<(long, long)> expected = [];
        for (int first = 0; first < rows.Length; first++)
        {
            for (int second = first + 1; second < rows.Length; second++)
            {
                if (Cosine(rows[first].Features, rows[second].Features) >= threshold)
                {
                    expected.Add((first, second));
                }
            }
        }

        IReadOnlyList<SimilarImages> found = Context.Data.FindDuplicateImages(Context.Data.LoadFromEnumerable(rows), threshold: threshold);

        Assert.IsGreaterThan(10, expected.Count);

        // A cosine within rounding of the threshold may fall on either side.
        HashSet<(long, long)> difference = [.. expected];
        difference.SymmetricExceptWith(found.Select(pair => (pair.FirstRow, pair.SecondRow)));
        Assert.IsTrue(difference.All(pair => Math.Abs(Cosine(rows[pair.Item1].Features, rows[pair.Item2].Features) - threshold) < 1e-5));
        Assert.AreEqual((7, 2099), (found[0].FirstRow, found[0].SecondRow));
        Assert.AreEqual(("7", "2099"), (found[0].FirstPath, found[0].SecondPath));
        Assert.AreEqual(1, found[0].Similarity, 1e-5);
        CollectionAssert.AreEqual(found.Select(pair => pair.Similarity).OrderDescending().ToArray(), found.Select(pair => pair.Similarity).ToArray());
    }

    [TestMethod]
    public void FindDuplicateImages_TwoSets_FindsWhatIsInBoth()
    {
        Row[] training = [new() { ImagePath = "a", Features = [1, 0, 0, 0, 0, 0, 0, 0] }, new() { ImagePath = "b", Features = [0, 1, 0, 0, 0, 0, 0, 0] }, new() { ImagePath = "c", Features = [1, 0, 0, 0, 0, 0, 0, 0] }];
        Row[] test = [new() { ImagePath = "x", Features = [0, 0, 1, 0, 0, 0, 0, 0] }, new() { ImagePath = "y", Features = [0, 2, 0.1f, 0, 0, 0, 0, 0] }];

        IReadOnlyList<SimilarImages> found = Context.Data.FindDuplicateImages(Context.Data.LoadFromEnumerable(training), Context.Data.LoadFromEnumerable(test));

        Assert.HasCount(1, found);
        Assert.AreEqual(("b", "y"), (found[0].FirstPath, found[0].SecondPath));
        Assert.AreEqual((1, 1), (found[0].FirstRow, found[0].SecondRow));
        Assert.IsEmpty(Context.Data.FindDuplicateImages(Context.Data.LoadFromEnumerable(training), Context.Data.LoadFromEnumerable(Array.Empty<Row>())));
    }

    [TestMethod]
    public void FindNovelImages_KnownImages_AreInTheOrderOfTheirDistance()
    {
        Row[] reference = [new() { ImagePath = "a", Features = [1, 0, 0, 0, 0, 0, 0, 0] }, new() { ImagePath = "b", Features = [0, 1, 0, 0, 0, 0, 0, 0] }];
        Row[] data = [new() { ImagePath = "known", Features = [0, 7, 0, 0, 0, 0, 0, 0] }, new() { ImagePath = "new", Features = [0, 0, 0, 1, 0, 0, 0, 0] }, new() { ImagePath = "between", Features = [1, 0, 1, 0, 0, 0, 0, 0] }];
        IDataView known = Context.Data.LoadFromEnumerable(reference);

        IReadOnlyList<ImageNovelty> found = Context.Data.FindNovelImages(Context.Data.LoadFromEnumerable(data), known);

        CollectionAssert.AreEqual(new[] { "new", "between", "known" }, found.Select(image => image.ImagePath).ToArray());
        CollectionAssert.AreEqual(new long[] { 1, 2, 0 }, found.Select(image => image.Row).ToArray());
        Assert.AreEqual(1, found[0].Novelty, 1e-6);
        Assert.AreEqual(1 - (1 / Math.Sqrt(2)), found[1].Novelty, 1e-6);
        Assert.AreEqual((0, "a"), (found[1].NearestRow, found[1].NearestPath));
        Assert.AreEqual(0, found[2].Novelty, 1e-6);
        Assert.AreEqual("b", found[2].NearestPath);
        Assert.ThrowsExactly<InvalidOperationException>(() => Context.Data.FindNovelImages(known, Context.Data.LoadFromEnumerable(Array.Empty<Row>())));
        Assert.ThrowsExactly<ArgumentException>(() => Context.Data.FindNovelImages(known, Context.Data.LoadFromEnumerable([new Other()])));
    }

    [TestMethod]
    public void FindDuplicateImages_WrongData_SaysWhatIsExpected()
    {
        IDataView data = Context.Data.LoadFromEnumerable([new Row { Features = new float[FeatureCount] }]), other = Context.Data.LoadFromEnumerable([new Other()]);

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Context.Data.FindDuplicateImages(data, other)).Message, "The data have 8 features and the others 2, expected features of the same network.");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.Data.FindDuplicateImages(data, threshold: 0));
        Assert.ThrowsExactly<ArgumentException>(() => Context.Data.FindDuplicateImages(data, featureColumnName: "Missing"));
    }

    /// <summary>Real pictures by real features: a picture that is smaller and compressed again is found, another one is not.</summary>
    [TestMethod]
    public void FindDuplicateImages_PictureInAnotherSize_IsFound()
    {
        using var folder = new TemporaryFolder();
        for (int seed = 1; seed <= 4; seed++)
        {
            using SKBitmap picture = Picture(seed);
            Save(picture, folder.File($"{seed}.png"), SKEncodedImageFormat.Png, 100);
        }

        using (SKBitmap picture = Picture(2))
        using (SKBitmap smaller = picture.Resize(new SKImageInfo(216, 162), SKFilterQuality.High))
        {
            Save(smaller, folder.File("copy.jpg"), SKEncodedImageFormat.Jpeg, 60);
        }

        IDataView data = Context.Data.LoadFromEnumerable(Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal).Select(path => new Named { ImagePath = path }));
        using ResNetFeaturesTransformer features = Context.Transforms.ResNetFeatures(new ResNetFeaturesEstimator.Options
        {
            OutputColumnName = "Features",
            InputColumnName = "ImagePath",
            Weights = ResNetWeights.ImageNet(),
            ImageSize = 96,
        }).Fit(data);

        IReadOnlyList<SimilarImages> found = Context.Data.FindDuplicateImages(features.Transform(data));

        Assert.HasCount(1, found);
        Assert.AreEqual(("2.png", "copy.jpg"), (Path.GetFileName(found[0].FirstPath), Path.GetFileName(found[0].SecondPath)));
    }

    private static double Cosine(float[] first, float[] second)
    {
        double product = first.Zip(second).Sum(pair => (double)pair.First * pair.Second);
        return product / Math.Sqrt(first.Sum(value => (double)value * value) * second.Sum(value => (double)value * value));
    }

    /// <summary>Discs of many colours.</summary>
    private static SKBitmap Picture(int seed)
    {
        var random = new Random(seed);
        var bitmap = new SKBitmap(240, 180);
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(new SKColor((uint)random.Next() | 0xff000000));
        for (int i = 0; i < 12; i++)
        {
            using var paint = new SKPaint { Color = new SKColor((uint)random.Next() | 0xff000000) };
            canvas.DrawCircle(random.Next(240), random.Next(180), random.Next(10, 50), paint);
        }

        return bitmap;
    }

    private static void Save(SKBitmap bitmap, string path, SKEncodedImageFormat format, int quality)
    {
        using SKData data = bitmap.Encode(format, quality);
        File.WriteAllBytes(path, data.ToArray());
    }

    private sealed class Named
    {
        public string ImagePath { get; set; } = "";
    }

    private sealed class Row
    {
        public string ImagePath { get; set; } = "";

        [VectorType(FeatureCount)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Other
    {
        [VectorType(2)]
        public float[] Features { get; set; } = [1, 0];
    }
}
