using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The commands that use a saved model, and what all commands have in common, in processes of their own.</summary>
[TestClass]
public sealed class CommandLineToolTests
{
    // ONNX Runtime and libtorch add in different orders.
    private const float Tolerance = 1e-4f;

    private static readonly TemporaryFolder Folder = new();

    private static string Images => Folder.File("images");

    private static string Model => Folder.File("model.zip");

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        ColourFolder.Create(Images, ColourFolder.Red, ColourFolder.Blue);
        ColourModel.Save(Images, Model);
    }

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    [TestMethod]
    [DataRow("train")]
    [DataRow("evaluate")]
    [DataRow("predict")]
    [DataRow("report")]
    [DataRow("export")]
    [DataRow("compare")]
    [DataRow("check")]
    [DataRow("find-lr")]
    public async Task Help_OfEachCommand_HasUsageAndJson(string command)
    {
        ProcessResult result = await RunAsync(command, "--help");

        Assert.AreEqual(0, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardOutput, $"resnet {command} ");
        StringAssert.Contains(result.StandardOutput, "--json <FILE>");
    }

    /// <summary>Images that are in the wrong folders: how many the model is wrong about is known.</summary>
    [TestMethod]
    public async Task Evaluate_ThreeImagesInTheWrongFolder_CountsThem()
    {
        string images = MislabelledImages("evaluated", count: 3);

        ProcessResult result = await RunAsync("evaluate", "--model", Model, "--images", images, "--json", "-");

        Assert.AreEqual(0, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        JsonElement summary = document.RootElement;
        Assert.AreEqual(24, summary.GetProperty("testImages").GetInt32());
        Assert.AreEqual(21 / 24.0, summary.GetProperty("testAccuracy").GetDouble(), 1e-9);
        Assert.AreEqual(((12 / 15.0) + 1) / 2, summary.GetProperty("macroAccuracy").GetDouble(), 1e-9);
        int[][] matrix = [.. summary.GetProperty("confusionMatrix").EnumerateArray().Select(row => row.EnumerateArray().Select(count => count.GetInt32()).ToArray())];
        CollectionAssert.AreEqual(new[] { 12, 3 }, matrix[0]);
        CollectionAssert.AreEqual(new[] { 0, 9 }, matrix[1]);
        JsonElement[] classes = [.. summary.GetProperty("classes").EnumerateArray()];
        Assert.AreEqual(ColourFolder.Blue, classes[1].GetProperty("class").GetString());
        Assert.AreEqual(12 / 15.0, classes[0].GetProperty("recall").GetDouble(), 1e-9);
        Assert.AreEqual(9 / 12.0, classes[1].GetProperty("precision").GetDouble(), 1e-9);

        // People have the same beside it.
        StringAssert.Contains(result.StandardError, "87.5 %");
        StringAssert.Contains(result.StandardError, "21 of 24 images right");
    }

    [TestMethod]
    public async Task Evaluate_ClassThatTheModelLacks_IsOneLineAndExitCode2()
    {
        string images = Folder.File("green");
        ColourFolder.Create(images, ColourFolder.Red, "green");

        ProcessResult result = await RunAsync("evaluate", "--model", Model, "--images", images);

        Assert.AreEqual(2, result.ExitCode, result.Output);
        Assert.AreEqual(
            $"The folder '{images}' has sub-folders that are no classes of the model: green. The model's classes are {ColourFolder.Red}, {ColourFolder.Blue}.", result.StandardError.Trim());
    }

    /// <summary>A network alone, without the mapping of labels before it and after it.</summary>
    [TestMethod]
    public async Task Evaluate_NetworkWithoutAPipeline_IsMeasuredAllTheSame()
    {
        var context = new MLContext();
        ITransformer pipeline = context.Model.Load(Model, out DataViewSchema schema);
        using (pipeline as IDisposable)
        {
            context.Model.Save(((IEnumerable<ITransformer>)pipeline).OfType<ResNetTransformer>().Single(), schema, Folder.File("network.zip"));
        }

        ProcessResult result = await RunAsync("evaluate", "--model", Folder.File("network.zip"), "--images", MislabelledImages("network", count: 1));

        Assert.AreEqual(0, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardOutput, "23 of 24 images right");
    }

    [TestMethod]
    public async Task Report_SavedModel_AgreesWithEvaluate()
    {
        string report = Folder.File("saved.html"), json = Folder.File("report.json");

        ProcessResult result = await RunAsync(
            "report", "--model", Model, "--images", MislabelledImages("reported", count: 2), "--training-images", Images, "--output", report, "--json", json);

        Assert.AreEqual(0, result.ExitCode, result.Output);
        string page = await File.ReadAllTextAsync(report);
        Assert.AreEqual("91.7 %", Regex.Match(page, "<li>Test accuracy<strong>(.*?)</strong>").Groups[1].Value);
        StringAssert.Contains(page, "<h1>Images of reported</h1>");
        Assert.HasCount(2, Regex.Matches(page, $"alt=\"{System.Net.WebUtility.HtmlEncode(ColourFolder.Red)}, taken for {System.Net.WebUtility.HtmlEncode(ColourFolder.Blue)}\""));
        Assert.HasCount(2, Regex.Matches(page, $"<img src=\"data:image/jpeg;base64,[^\"]+\" alt=\"What speaks for {System.Net.WebUtility.HtmlEncode(ColourFolder.Blue)}\""));
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllTextAsync(json));
        Assert.AreEqual(22 / 24.0, document.RootElement.GetProperty("testAccuracy").GetDouble(), 1e-9);
        Assert.AreEqual(report, document.RootElement.GetProperty("reportPath").GetString());
    }

    [TestMethod]
    public async Task Predict_Folder_GivesJsonAloneOnStandardOutput()
    {
        string[] files = [.. Directory.GetFiles(Path.Combine(Images, ColourFolder.Red)).Order(StringComparer.Ordinal)];

        ProcessResult result = await RunAsync("predict", "--model", Model, "--top", "1", "--json", "-", Path.Combine(Images, ColourFolder.Red));

        Assert.AreEqual(0, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        JsonElement[] rows = [.. document.RootElement.EnumerateArray()];
        CollectionAssert.AreEqual(files, rows.Select(row => row.GetProperty("file").GetString()).ToArray());
        Assert.IsTrue(rows.All(row => row.GetProperty("classes").EnumerateArray().Single().GetProperty("class").GetString() == ColourFolder.Red), result.StandardOutput);
        Assert.HasCount(files.Length, result.StandardError.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux | OperatingSystems.OSX)]
    public async Task Predict_FolderWithLinksAndHiddenFolders_ListsEachVisibleImageOnce()
    {
        string images = Folder.File("linked"), picture = Path.Combine(Images, ColourFolder.Red, "00.png");
        foreach (string name in (string[])["a", "b", ".hidden"])
        {
            Directory.CreateDirectory(Path.Combine(images, name));
            File.Copy(picture, Path.Combine(images, name, "00.png"));
        }

        File.Copy(picture, Path.Combine(images, "a", ".01.png"));
        Directory.CreateSymbolicLink(Path.Combine(images, "a", "loop"), "..");
        File.CreateSymbolicLink(Path.Combine(images, "a", "02.png"), "00.png");
        Directory.CreateSymbolicLink(Path.Combine(images, "c"), Path.Combine(Images, ColourFolder.Blue));

        ProcessResult result = await RunAsync("predict", "--model", Model, "--json", "-", images);

        Assert.AreEqual(0, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        string[] expected = ["a/00.png", "b/00.png", .. Enumerable.Range(0, 12).Select(i => $"c/{i:D2}.png")];
        CollectionAssert.AreEqual(expected, document.RootElement.EnumerateArray().Select(row => Path.GetRelativePath(images, row.GetProperty("file").GetString()!)).ToArray());
    }

    [TestMethod]
    public async Task Predict_WithExplanations_WritesAPictureOfEachImage()
    {
        string folder = Path.Combine(Images, ColourFolder.Red), pictures = Folder.File("explained"), picture = Folder.File("explained.png");

        ProcessResult many = await RunAsync("predict", "--model", Model, "--explain", pictures, "--json", "-", folder, Path.Combine(Images, ColourFolder.Blue, "00.png"));
        ProcessResult one = await RunAsync("predict", "--model", Model, "--explain", picture, "--class", ColourFolder.Blue, Path.Combine(folder, "00.png"));

        Assert.AreEqual(0, many.ExitCode, many.Output);
        Assert.AreEqual(0, one.ExitCode, one.Output);
        using JsonDocument document = JsonDocument.Parse(many.StandardOutput);
        string[] written = [.. document.RootElement.EnumerateArray().Select(row => row.GetProperty("explanation").GetString()!)];
        CollectionAssert.AreEquivalent(Directory.GetFiles(pictures), written);

        // Twelve red ones, and a blue one of the same name as one of them.
        Assert.HasCount(13, written);
        CollectionAssert.Contains(written, Path.Combine(pictures, "00-2.png"));
        using SKBitmap? drawn = SKBitmap.Decode(picture);
        Assert.AreEqual(16, drawn?.Width);
    }

    [TestMethod]
    [DataRow("--class goes with --explain only. See --help.", "--class", "red")]
    [DataRow("--class is 'green', expected one of red, синий.", "--class", "green", "--explain", "out.png")]
    public async Task Predict_WrongExplanation_IsOneLineAndExitCode2(string expected, params string[] arguments)
    {
        ProcessResult result = await RunAsync(["predict", "--model", Model, Path.Combine(Images, ColourFolder.Red, "00.png"), .. arguments]);

        Assert.AreEqual(2, result.ExitCode, result.Output);
        Assert.AreEqual(expected, result.StandardError.Trim());
    }

    [TestMethod]
    public async Task Train_CalibratedAndFlipped_SavesSuchAModelWhichCommandsOverride()
    {
        string path = Folder.File("flipped.zip"), picture = Path.Combine(Images, ColourFolder.Red, "00.png");

        ProcessResult trained = await RunAsync("train", "--images", Images, "--epochs", "2", "--calibrate", "--test-time-augmentation", "HorizontalFlip", "--output", path);
        ProcessResult crops = await RunAsync("predict", "--model", path, "--test-time-augmentation", "FiveCrop", picture);
        ProcessResult exported = await RunAsync("export", "--model", path, "--test-time-augmentation", "None", "--output", Folder.File("one-view.onnx"));

        Assert.AreEqual(0, trained.ExitCode, trained.Output);
        ITransformer model = new MLContext().Model.Load(path, out _);
        using (model as IDisposable)
        {
            ResNetTransformer network = ((IEnumerable<ITransformer>)model).OfType<ResNetTransformer>().Single();
            Assert.AreEqual(TestTimeAugmentation.HorizontalFlip, network.TestTimeAugmentation);
            Assert.AreNotEqual(1, network.Temperature);
        }

        Assert.AreEqual(2, crops.ExitCode, crops.Output);
        Assert.AreEqual(
            $"--test-time-augmentation does not go with the model '{path}': TestTimeAugmentation is FiveCrop, but images of 16 x 16 pixels, 64 or less, are resized to the network's input and not cut; expected None or HorizontalFlip.",
            crops.StandardError.Trim());
        Assert.AreEqual(0, exported.ExitCode, exported.Output);
        using var onnx = new OnnxSession(Folder.File("one-view.onnx"));
        Assert.IsFalse(onnx.Metadata.CustomMetadataMap.ContainsKey("test_time_augmentation"));
    }

    [TestMethod]
    public async Task Predict_FolderWithoutImages_IsOneLineAndExitCode2()
    {
        string empty = Directory.CreateDirectory(Folder.File("empty")).FullName;

        ProcessResult result = await RunAsync("predict", "--model", Model, empty);

        Assert.AreEqual(2, result.ExitCode, result.Output);
        Assert.AreEqual($"The folder '{empty}' has no image: no file whose name ends with .jpg, .jpeg, .png, .webp, .bmp, .gif, and no tar file.", result.StandardError.Trim());
    }

    /// <summary>All three files score an image as the model does, in ONNX Runtime, in an application without this library, and in this library.</summary>
    [TestMethod]
    public async Task Export_AllFormats_ScoreAsTheModelDoes()
    {
        string file = Path.Combine(Images, ColourFolder.Red, "03.png");
        float[] expected = await ScoresAsync(Model, file);
        foreach (string name in (string[])["model.onnx", "onnx-model.zip", "weights.safetensors"])
        {
            ProcessResult result = await RunAsync("export", "--model", Model, "--output", Folder.File(name));
            Assert.AreEqual(0, result.ExitCode, result.Output);
            StringAssert.Contains(result.StandardOutput, name);
        }

        using (var onnx = new OnnxSession(Folder.File("model.onnx")))
        {
            AssertNear(expected, onnx.Run<float>([Pixels(file)], "Score").Single());
            Assert.AreEqual(ColourFolder.Red, onnx.Run<string>([Pixels(file)], "PredictedLabel").Single().Single());
        }

        ProcessResult application = await DotNet.RunAsync([RepositoryPaths.Sample("OnnxApp"), Folder.File("onnx-model.zip"), file]);
        Assert.AreEqual(0, application.ExitCode, application.Output);
        string[] line = application.StandardOutput.Trim().Split('\t');
        Assert.AreEqual(ColourFolder.Red, line[1]);
        AssertNear(expected, [.. line[2].Split(' ').Select(score => float.Parse(score, CultureInfo.InvariantCulture))]);

        var context = new MLContext();
        using ResNetTransformer network = ResNetWeights.FromFile(Folder.File("weights.safetensors")).ToClassifier(context);
        float[] scores = network.Transform(context.Data.LoadFromEnumerable([new { ImagePath = file }])).GetColumn<float[]>("Score").Single();
        AssertNear(expected, scores);
    }

    [TestMethod]
    [DataRow("--output is 'model.txt', expected a name that ends with .onnx, .zip or .safetensors. See --help.", "--output", "model.txt")]
    [DataRow("--precision does not go with .safetensors: weights have the network's own numbers. See --help.", "--output", "w.safetensors", "--precision", "Float16")]
    [DataRow("--precision Float16 does not go with .zip: ML.NET's ApplyOnnxModel takes Float32 alone. Float16 goes with .onnx. See --help.", "--output", "m.zip", "--precision", "float16")]
    [DataRow("--test-time-augmentation does not go with .safetensors: weights don't say how images are scored. See --help.", "--output", "w.safetensors", "--test-time-augmentation", "HorizontalFlip")]
    [DataRow("The folder of --output 'nowhere/model.onnx' doesn't exist.", "--output", "nowhere/model.onnx")]
    public async Task Export_WrongArgument_IsOneLineAndExitCode2(string expected, params string[] arguments)
    {
        ProcessResult result = await RunAsync(["export", "--model", Model, .. arguments]);

        Assert.AreEqual(2, result.ExitCode, result.Output);
        Assert.AreEqual(expected, result.StandardError.Trim());
    }

    [TestMethod]
    public async Task Export_OntoTheModelItself_IsRefusedAndLeavesIt()
    {
        byte[] before = await File.ReadAllBytesAsync(Model);

        ProcessResult result = await RunAsync("export", "--model", Model, "--output", Model);

        Assert.AreEqual(2, result.ExitCode, result.Output);
        CollectionAssert.AreEqual(before, await File.ReadAllBytesAsync(Model));
    }

    [TestMethod]
    public async Task FindLearningRate_TinyFolder_WritesTheCurve()
    {
        ProcessResult result = await RunAsync("find-lr", "--images", Images, "--batch", "8", "--json", "-");

        Assert.AreEqual(0, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        double[] rates = [.. document.RootElement.GetProperty("points").EnumerateArray().Select(point => point.GetProperty("learningRate").GetDouble())];
        Assert.IsGreaterThan(20, rates.Length);
        CollectionAssert.AreEqual(rates.Order().ToArray(), rates);
        double steepest = document.RootElement.GetProperty("steepest").GetDouble();
        Assert.IsTrue(rates.Any(rate => Math.Abs(rate - steepest) <= 1e-6 * steepest), result.StandardOutput);
        StringAssert.Contains(result.StandardError, "steepest");
    }

    /// <summary>An image in the wrong folder, a copy within the training images, and one among the test images.</summary>
    [TestMethod]
    public async Task Check_PlantedFaults_FindsThem()
    {
        string images = MislabelledImages("checked", count: 1), test = Folder.File("checked-test");
        ColourFolder.Create(test, ColourFolder.Red);
        foreach (string file in Directory.GetFiles(Path.Combine(test, ColourFolder.Red)).Order(StringComparer.Ordinal).Skip(1))
        {
            File.Delete(file);
        }

        string page = Folder.File("checked.html");
        ProcessResult result = await RunAsync("check", "--images", images, "--test", test, "--output", page, "--json", "-");

        Assert.AreEqual(0, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        JsonElement first = document.RootElement.GetProperty("labels").EnumerateArray().First();
        Assert.AreEqual("blue-00.png", Path.GetFileName(first.GetProperty("imagePath").GetString()));
        Assert.AreEqual(ColourFolder.Blue, first.GetProperty("suggestedLabel").GetString());
        Assert.IsTrue(document.RootElement.GetProperty("leaks").EnumerateArray().Any(pair => pair.GetProperty("firstPath").GetString() == Path.Combine(images, ColourFolder.Red, "00.png")), result.StandardOutput);
        StringAssert.Contains(result.StandardError, "1 of 1 test images are in the training set");
        string html = await File.ReadAllTextAsync(page);
        foreach (string heading in (string[])["Doubtful labels", "Test images in the training set", "Duplicates"])
        {
            StringAssert.Contains(html, $"<h2>{heading}</h2>");
        }

        StringAssert.Contains(html, "blue-00.png");
        StringAssert.Contains(html, "data:image/jpeg;base64,");
        Assert.IsFalse(Regex.IsMatch(html, "(src|href)=\"(?!data:)"));
    }

    [TestMethod]
    public async Task Train_TestImagesAmongTheTrainingImages_Warns()
    {
        string path = Folder.File("leaked.zip"), test = Folder.File("leaked");
        foreach (string file in Directory.GetFiles(Images, "*.png", SearchOption.AllDirectories))
        {
            string link = Path.Combine(test, Path.GetRelativePath(Images, file));
            Directory.CreateDirectory(Path.GetDirectoryName(link)!);
            _ = OperatingSystem.IsWindows() ? new FileInfo(file).CopyTo(link) : File.CreateSymbolicLink(link, file);
        }

        ProcessResult result = await RunAsync("train", "--images", Images, "--test", test, "--epochs", "1", "--batch", "8", "--fit", "Pad", "--output", path);

        Assert.AreEqual(0, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardError, "24 of 24 test images are in the training set, too");
        ITransformer model = new MLContext().Model.Load(path, out _);
        using (model as IDisposable)
        {
            Assert.AreEqual(ImageFit.Pad, ((IEnumerable<ITransformer>)model).OfType<ResNetTransformer>().Single().Preprocessing!.Fit);
        }
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux | OperatingSystems.OSX)]
    public async Task Completion_InBash_OffersCommandsAndValues()
    {
        ProcessResult script = await RunAsync("completion", "bash");
        Assert.AreEqual(0, script.ExitCode, script.Output);
        string file = Folder.File("completion.sh");

        // The tool is not installed here: a function of its name stands for it.
        await File.WriteAllTextAsync(file, $$"""
            resnet() { dotnet exec "{{RepositoryPaths.Tool}}" "$@"; }
            {{script.StandardOutput}}
            try() { COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _resnet_complete; echo "${COMPREPLY[@]}"; }
            try resnet ev
            try resnet train --fine-tuning H
            try resnet predict --mod
            """);
        using var bash = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("bash", [file]) { RedirectStandardOutput = true })!;
        string output = await bash.StandardOutput.ReadToEndAsync();
        await bash.WaitForExitAsync();

        CollectionAssert.AreEqual(new[] { "evaluate", "HeadOnly HeadThenFull", "--model" }, output.Split('\n', StringSplitOptions.RemoveEmptyEntries), output);
    }

    /// <summary>Images of which some blue ones lie among the red ones.</summary>
    private static string MislabelledImages(string name, int count)
    {
        string images = Folder.File(name);
        ColourFolder.Create(images, ColourFolder.Red, ColourFolder.Blue);
        for (int i = 0; i < count; i++)
        {
            File.Move(Path.Combine(images, ColourFolder.Blue, $"{i:D2}.png"), Path.Combine(images, ColourFolder.Red, $"blue-{i:D2}.png"));
        }

        return images;
    }

    private static async Task<float[]> ScoresAsync(string model, string file)
    {
        ProcessResult result = await RunAsync("predict", "--model", model, "--json", "-", file);
        Assert.AreEqual(0, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        Dictionary<string, float> byClass = document.RootElement.EnumerateArray().Single().GetProperty("classes").EnumerateArray()
            .ToDictionary(of => of.GetProperty("class").GetString()!, of => of.GetProperty("probability").GetSingle());
        return [byClass[ColourFolder.Red], byClass[ColourFolder.Blue]];
    }

    private static float[] Pixels(string file)
    {
        using MLImage image = MLImage.CreateFromFile(file);
        int plane = image.Width * image.Height, red = image.PixelFormat == MLPixelFormat.Bgra32 ? 2 : 0;
        float[] values = new float[3 * plane];
        ReadOnlySpan<byte> pixels = image.Pixels;
        for (int i = 0; i < plane; i++)
        {
            values[i] = pixels[(4 * i) + red];
            values[plane + i] = pixels[(4 * i) + 1];
            values[(2 * plane) + i] = pixels[(4 * i) + 2 - red];
        }

        return values;
    }

    private static void AssertNear(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], Tolerance);
        }
    }

    private static Task<ProcessResult> RunAsync(params string[] arguments) => DotNet.RunAsync(["exec", RepositoryPaths.Tool, .. arguments], Folder.Path);
}
