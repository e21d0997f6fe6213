using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Explanations;

/// <summary>Grad-CAM: the same numbers as PyTorch's, and maps that show what the class hangs on.</summary>
[TestClass]
public sealed class GradCamTests
{
    private const int Size = 64, PatchSize = 16;

    private static readonly TemporaryFolder Folder = new();
    private static readonly MLContext Context = new(1);
    private static List<Patched> s_test = [];
    private static ITransformer s_model = null!;

    private static ResNetTransformer Network => ((IEnumerable<ITransformer>)s_model).OfType<ResNetTransformer>().Single();

    /// <summary>Noise with a patch of red or blue somewhere: which colour it is decides the class.</summary>
    [ClassInitialize]
    public static void Train(TestContext context)
    {
        List<Patched> training = [.. Enumerable.Range(0, 80).Select(i => Write($"training-{i}.png", Size, Size, i % 2 == 0))];
        s_test = [.. Enumerable.Range(0, 20).Select(i => Write($"test-{i}.png", Size, Size, i % 2 == 0))];
        s_model = Context.Transforms.Conversion.MapValueToKey("Label")
            .Append(Context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options
            {
                FeatureColumnName = "ImagePath",
                Architecture = ResNetArchitecture.ResNet20,
                Epochs = 8,
                BatchSize = 16,
            }))
            .Append(Context.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(Context.Data.LoadFromEnumerable(training));
    }

    [ClassCleanup]
    public static void Free()
    {
        (s_model as IDisposable)?.Dispose();
        Folder.Dispose();
    }

    [TestMethod]
    public void Explain_PatchThatDecidesTheClass_IsWhereTheMapIsHighest()
    {
        int found = 0;
        foreach (Patched image in s_test)
        {
            ImageExplanation explanation = Network.Explain(image.ImagePath);

            Assert.AreEqual(image.Label, explanation.ClassName);
            Assert.AreEqual(Size * Size, explanation.Map.Count);
            Assert.IsTrue(explanation.Map.All(value => value is >= 0 and <= 1));
            Assert.AreEqual(1, explanation.Map.Max(), 1e-6);
            int highest = explanation.Map.ToList().IndexOf(explanation.Map.Max());

            // A cell of the last stage's grid is four pixels wide.
            const int margin = 4;
            found += highest % Size >= image.X - margin && highest % Size < image.X + PatchSize + margin && highest / Size >= image.Y - margin && highest / Size < image.Y + PatchSize + margin ? 1 : 0;
        }

        // The patch has a sixteenth of the image, with the margin an eighth and a bit.
        Assert.IsGreaterThanOrEqualTo(17, found);
    }

    [TestMethod]
    public void Explain_AnImage_HasTheScoresOfTransform()
    {
        float[][] scores = [.. s_model.Transform(Context.Data.LoadFromEnumerable(s_test)).GetColumn<float[]>("Score")];

        for (int i = 0; i < s_test.Count; i++)
        {
            ImageExplanation predicted = Network.Explain(s_test[i].ImagePath), blue = Network.Explain(s_test[i].ImagePath, "blue");

            Assert.AreEqual(scores[i].Max(), predicted.PredictedScore, 1e-5);
            Assert.AreEqual(scores[i].Max(), predicted.Score, 1e-5);
            Assert.AreEqual("blue", blue.ClassName);
            Assert.AreEqual(scores[i][Network.ClassNames.ToList().IndexOf("blue")], blue.Score, 1e-5);
        }
    }

    [TestMethod]
    public void Explain_PathBytesAndMLImage_AreTheSame()
    {
        string path = s_test[0].ImagePath;
        using MLImage image = MLImage.CreateFromFile(path);
        ImageExplanation expected = Network.Explain(path);

        CollectionAssert.AreEqual(expected.Map.ToArray(), Network.Explain(File.ReadAllBytes(path)).Map.ToArray());
        CollectionAssert.AreEqual(expected.Map.ToArray(), Network.Explain(image).Map.ToArray());
    }

    [TestMethod]
    public void Explain_FromManyThreads_IsTheSame()
    {
        float[][] expected = [.. s_test.Select(image => Network.Explain(image.ImagePath).Map.ToArray())];

        Parallel.For(0, 4 * s_test.Count, i => CollectionAssert.AreEqual(expected[i % s_test.Count], Network.Explain(s_test[i % s_test.Count].ImagePath).Map.ToArray()));
    }

    /// <summary>A wide picture, whose ends the crop cuts off: the map lies in its middle, and the ends are darker.</summary>
    [TestMethod]
    public void ToPng_WidePicture_ShowsTheMapWhereTheNetworkLooked()
    {
        Patched image = Write("wide.png", 3 * Size, Size, isRed: true, patchX: Size + 20);
        ImageExplanation explanation = Network.Explain(image.ImagePath, "red");

        using SKBitmap drawn = SKBitmap.Decode(explanation.ToPng(opacity: 1));
        using SKBitmap plain = SKBitmap.Decode(explanation.ToPng(opacity: 0));
        using SKBitmap source = SKBitmap.Decode(image.ImagePath);

        Assert.AreEqual((3 * Size, Size), (drawn.Width, drawn.Height));
        Assert.AreEqual((3 * Size, Size), (explanation.ImageWidth, explanation.ImageHeight));
        Assert.AreEqual(0, explanation.ValueAt(10, 10));
        Assert.AreEqual(0, explanation.ValueAt((3 * Size) - 1, 10));
        Assert.AreEqual(explanation.Map[(30 * Size) + 20], explanation.ValueAt(Size + 20.5, 30.5), 1e-6);
        Assert.AreEqual(source.GetPixel(Size + 5, 5), plain.GetPixel(Size + 5, 5));
        Assert.AreEqual(source.GetPixel(5, 5).Green * 0.4, plain.GetPixel(5, 5).Green, 1);
        int highest = explanation.Map.ToList().IndexOf(1);
        SKColor hottest = drawn.GetPixel(Size + (highest % Size), highest / Size);
        Assert.IsGreaterThan(240, (int)hottest.Red);
        Assert.IsGreaterThan(200, (int)hottest.Green);
    }

    [TestMethod]
    public void Explain_LargePhotograph_IsDrawnSmaller()
    {
        Patched image = Write("large.png", 1300, 650, isRed: true);

        using MLImage drawn = Network.Explain(image.ImagePath).ToImage();

        Assert.AreEqual((1024, 512), (drawn.Width, drawn.Height));
    }

    [TestMethod]
    public void Explain_WrongArguments_SayWhatIsExpected()
    {
        string path = s_test[0].ImagePath;

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Network.Explain(path, "green")).Message, "The model has no class 'green'. Its classes are red, blue.");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Network.Explain(path, stage: 4)).Message, "The network has the stages 1 to 3.");
        Assert.ThrowsExactly<FileNotFoundException>(() => Network.Explain(Folder.File("missing.png")));
        Assert.ThrowsExactly<InvalidDataException>(() => Network.Explain(new byte[] { 1, 2, 3 }));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Network.Explain(path).ToPng(1.5));
        using ResNetTransformer pixels = OnnxModels.Create(ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20), 32);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => pixels.Explain(path)).Message, "was trained on pixel vectors");
    }

    /// <summary>Appended to the trained pipeline, saved, loaded by a context that never named the library, and asked by PredictionEngine.</summary>
    [TestMethod]
    public void Transform_SavedAndLoaded_DrawsWhatExplainDraws()
    {
        IDataView data = Context.Data.LoadFromEnumerable(s_test);
        string path = Folder.File("explaining.zip");
        using (ResNetExplanationTransformer explaining = Context.Transforms.ResNetExplanation("Explanation", "ImagePath", Network).Fit(data))
        {
            Context.Model.Save(new TransformerChain<ITransformer>(s_model, explaining), data.Schema, path);
        }

        var other = new MLContext();
        ITransformer loaded = other.Model.Load(path, out _);
        using (loaded as IDisposable)
        using (PredictionEngine<Patched, Explained> engine = other.Model.CreatePredictionEngine<Patched, Explained>(loaded))
        {
            foreach (Patched image in s_test.Take(3))
            {
                ImageExplanation expected = Network.Explain(image.ImagePath);
                Explained actual = engine.Predict(image);
                using MLImage drawn = actual.Explanation!;

                Assert.AreEqual(image.Label, actual.PredictedLabel);
                Assert.AreEqual((256, 256), (drawn.Width, drawn.Height));

                // Where the map is highest the picture is yellow, four pixels for one of the input.
                int highest = expected.Map.ToList().IndexOf(expected.Map.Max());
                int place = 4 * ((((4 * (highest / Size)) + 2) * 256) + (4 * (highest % Size)) + 2);
                Assert.IsGreaterThan(120, (int)drawn.Pixels[place + 1], "The patch has no green of its own.");
                int lowest = expected.Map.ToList().IndexOf(expected.Map.Min());
                int cold = 4 * ((((4 * (lowest / Size)) + 2) * 256) + (4 * (lowest % Size)) + 2);
                Assert.IsLessThan(30, Math.Abs(drawn.Pixels[cold] - drawn.Pixels[cold + 1]), "Grey stays grey where nothing speaks for the class.");
            }
        }
    }

    /// <summary>A bad row between two good ones, of a classifier that stops at it and of one that skips it, and after saving.</summary>
    [TestMethod]
    public void Transform_BadImage_IsThrownOrHasNoPicture()
    {
        File.WriteAllText(Folder.File("damaged.png"), "no image");
        Patched[] rows = [s_test[0], new Patched { ImagePath = "nowhere.png" }, new Patched { ImagePath = Folder.File("damaged.png") }, new Patched(), s_test[1]];
        IDataView data = Context.Data.LoadFromEnumerable(rows);
        using ResNetTransformer lenient = Network.WithBadImages(Context, BadImageHandling.Skip);
        using ResNetExplanationTransformer throwing = Context.Transforms.ResNetExplanation("Explanation", "ImagePath", Network).Fit(data);
        using ResNetExplanationTransformer skipping = Context.Transforms.ResNetExplanation("Explanation", "ImagePath", lenient).Fit(data);
        using var stream = new MemoryStream();
        Context.Model.Save(skipping, data.Schema, stream);
        stream.Position = 0;
        using var loaded = (ResNetExplanationTransformer)Context.Model.Load(stream, out _);

        Assert.ThrowsExactly<FileNotFoundException>(() => Pictures(throwing));
        foreach (ResNetExplanationTransformer transformer in (ResNetExplanationTransformer[])[skipping, loaded])
        {
            bool[] pictures = Pictures(transformer);
            CollectionAssert.AreEqual(new[] { true, false, false, false, true }, pictures);
        }

        // Each picture is looked at while the cursor is on its row.
        bool[] Pictures(ResNetExplanationTransformer transformer) => [.. Context.Data.CreateEnumerable<Picture>(transformer.Transform(data), reuseRowObject: false).Select(row =>
        {
            using MLImage? picture = row.Explanation;
            return picture is { Width: 256 };
        })];
    }

    [TestMethod]
    public void Transform_WrongColumn_SaysWhatIsExpected()
    {
        IDataView numbers = Context.Data.LoadFromEnumerable([new { Number = 1f }]);
        ResNetExplanationEstimator estimator = Context.Transforms.ResNetExplanation("Explanation", "Number", Network);

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => estimator.Fit(numbers)).Message, "Column 'Number' has type Single, expected Text (the path of an image file)");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.Transforms.ResNetExplanation("Explanation", "ImagePath", Network, stage: 7));
    }

    private const string Script =
        """
        import json, struct, sys, numpy, torch, torchvision
        import torch.nn.functional as F
        content = open(sys.argv[1], 'rb').read()
        begin = 8 + struct.unpack('<Q', content[:8])[0]
        kinds = {'F32': numpy.float32, 'I64': numpy.int64}
        state = {name: torch.from_numpy(numpy.frombuffer(content[begin + e['data_offsets'][0]:begin + e['data_offsets'][1]], kinds[e['dtype']]).reshape(e['shape']).copy())
                 for name, e in json.loads(content[8:begin]).items() if name != '__metadata__'}
        model = getattr(torchvision.models, sys.argv[3])(num_classes=state['fc.bias'].numel())
        model.load_state_dict(state)
        model.eval()
        side, class_index, stage = int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
        pixels = torch.from_numpy(numpy.fromfile(sys.argv[2], numpy.uint8).astype(numpy.float32)).view(-1, side, side, 3).permute(0, 3, 1, 2)
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        for image in pixels.split(1):
            x = model.maxpool(model.relu(model.bn1(model.conv1((image / 255 - mean) / deviation))))
            kept = None
            for number in range(1, 5):
                x = getattr(model, f'layer{number}')(x)
                if number == stage:
                    kept = x
                    kept.retain_grad()
            model.fc(x.mean((2, 3)))[0, class_index].backward()
            cam = F.relu((kept.grad.mean((2, 3), keepdim=True) * kept).sum(1, keepdim=True))
            cam = F.interpolate(cam, (side, side), mode='bilinear', align_corners=False)[0, 0].detach()
            print(*(f'{value:.9g}' for value in (cam / cam.max()).flatten().tolist()))
        """;

    /// <summary>
    /// A value within rounding of zero may pass a ReLU here and not there, which changes a gradient by its whole part: PyTorch's own maps by two algorithms of convolution differ by 3e-6 for nine images of ten, and for one
    /// of sixty by 1e-3. So most images are held to the numbers, and each to their neighbourhood.
    /// </summary>
    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet18, 4)]
    [DataRow(ResNetArchitecture.ResNet18, 2)]
    [DataRow(ResNetArchitecture.ResNet50, 3)]
    public async Task Explain_ImageNetNetwork_IsPyTorchsMap(ResNetArchitecture architecture, int stage)
    {
        const int side = 96, classIndex = 2, count = 5;
        using ResNetTransformer source = OnnxModels.Create(ResNetSpecification.FromArchitecture(architecture) with { Stem = ResNetStem.ImageNet }, side);
        string name = $"{architecture}-{stage}";
        source.SaveWeights(Folder.File($"{name}.safetensors"));
        using ResNetTransformer model = ResNetWeights.FromFile(Folder.File($"{name}.safetensors")).ToClassifier(Context, imageSize: side);
        Patched[] images = [.. Enumerable.Range(0, count).Select(i => Write($"{name}-{i}.png", side, side, isRed: false))];
        ImageExplanation[] explanations = [.. images.Select(image => model.Explain(image.ImagePath, model.ClassNames[classIndex], stage))];

        byte[] pixels = [.. images.SelectMany(image => Seen(image.ImagePath, model.Preprocessing))];
        await File.WriteAllBytesAsync(Folder.File($"{name}.bin"), pixels);
        string output = await Python.RunAsync(
            Script, ["torch", "torchvision"], Folder.File($"{name}.safetensors"), Folder.File($"{name}.bin"), architecture.ToString().ToLowerInvariant(), $"{side}", $"{classIndex}", $"{stage}");

        float[][] expected = [.. output.Trim().Split('\n').Select(line => line.Trim().Split(' ').Select(value => float.Parse(value, CultureInfo.InvariantCulture)).ToArray())];
        Assert.HasCount(count, expected);
        float[] differences = [.. expected.Zip(explanations, (map, explanation) => map.Zip(explanation.Map).Max(pair => Math.Abs(pair.First - pair.Second))).Order()];
        Console.WriteLine($"Largest differences of the maps: {string.Join(", ", differences.Select(difference => difference.ToString("G3", CultureInfo.InvariantCulture)))}");
        Assert.IsTrue(expected.All(map => map.Average() > 0.01), "An empty map would show nothing.");
        Assert.IsLessThan(1e-4f, differences[count / 2]);
        Assert.IsLessThan(0.01f, differences[^1]);
    }

    /// <summary>[H,W,3] of the network's input.</summary>
    private static byte[] Seen(string path, ImagePreprocessing preprocessing)
    {
        byte[] pixels = new byte[preprocessing.Width * preprocessing.Height * 3];
        new Microsoft.ML.ResNet.Images.ImagePreprocessor(preprocessing.Width, preprocessing.Height, preprocessing.ShortSide, preprocessing.Fit).LoadFile(path, pixels);
        return pixels;
    }

    private static Patched Write(string name, int width, int height, bool isRed, int? patchX = null)
    {
        // Of its own, so that an image is the same whatever else runs.
        var random = new Random(name.Aggregate(1, (hash, letter) => unchecked((hash * 31) + letter)));
        int x = patchX ?? random.Next(width - PatchSize), y = random.Next(height - PatchSize);
        using var bitmap = new SKBitmap(width, height);
        for (int row = 0; row < height; row++)
        {
            for (int column = 0; column < width; column++)
            {
                byte grey = (byte)random.Next(60, 200);
                bool isPatch = column >= x && column < x + PatchSize && row >= y && row < y + PatchSize;
                bitmap.SetPixel(column, row, isPatch ? isRed ? new SKColor(230, 20, 20) : new SKColor(20, 20, 230) : new SKColor(grey, grey, grey));
            }
        }

        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, quality: 100);
        File.WriteAllBytes(Folder.File(name), data.ToArray());
        return new Patched { ImagePath = Folder.File(name), Label = isRed ? "red" : "blue", X = x, Y = y };
    }

    private sealed class Patched
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";

        public int X { get; set; }

        public int Y { get; set; }
    }

    private sealed class Picture
    {
        [ImageType(256, 256)]
        public MLImage? Explanation { get; set; }
    }

    private sealed class Explained
    {
        public string PredictedLabel { get; set; } = "";

        [ImageType(256, 256)]
        public MLImage? Explanation { get; set; }
    }
}
