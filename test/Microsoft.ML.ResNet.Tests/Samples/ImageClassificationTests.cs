using System.Text.Json;
using System.Text.RegularExpressions;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The sample as a user starts it, in a process of its own.</summary>
[TestClass]
public sealed partial class ImageClassificationTests
{
    private static readonly TemporaryFolder Folder = new();
    private static ProcessResult? _training;

    private static string Images => Folder.File("images");

    private static string Model => Folder.File("model.zip");

    private static string Summary => Folder.File("summary.json");

    [ClassInitialize]
    public static async Task Train(TestContext context)
    {
        ColourFolder.Create(Images, ColourFolder.Red, ColourFolder.Blue);
        _training = await RunAsync("--images", Images, "--epochs", "2", "--batch", "8", "--output", Model, "--json", Summary);
    }

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    [TestMethod]
    public void Train_TinyFolder_ShowsEpochsAndResults()
    {
        Assert.AreEqual(0, _training!.ExitCode, _training.Output);
        Assert.AreEqual("", _training.StandardError);
        Assert.IsTrue(File.Exists(Model));
        StringAssert.Contains(_training.StandardOutput, "269,202 parameters, input 16x16");
        Assert.AreEqual(2, EpochLine().Count(_training.StandardOutput), _training.StandardOutput);
        foreach (string heading in (string[])["Test accuracy", "Macro accuracy", "Log-loss", "Recall", "Confusion matrix", "Model saved"])
        {
            StringAssert.Contains(_training.StandardOutput, heading);
        }
    }

    [TestMethod]
    public void Train_TinyFolder_WritesSummary()
    {
        Assert.AreEqual(0, _training!.ExitCode, _training.Output);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Summary));
        JsonElement summary = document.RootElement;

        CollectionAssert.AreEquivalent(
            new[]
            {
                "testAccuracy", "macroAccuracy", "logLoss", "trainSeconds", "totalSeconds", "imagesPerSecond", "modelPath", "reportPath", "architecture", "epochs",
                "seed", "trainImages", "testImages", "classes",
            },
            summary.EnumerateObject().Select(property => property.Name).ToArray());
        Assert.IsTrue(summary.GetProperty("testAccuracy").GetDouble() is >= 0 and <= 1);
        Assert.AreEqual(Model, summary.GetProperty("modelPath").GetString());
        Assert.AreEqual("ResNet20", summary.GetProperty("architecture").GetString());
        Assert.AreEqual(2, summary.GetProperty("epochs").GetInt32());
        Assert.AreEqual(1, summary.GetProperty("seed").GetInt32());
        // A fifth of each class of twelve, rounded, is put aside.
        Assert.AreEqual(20, summary.GetProperty("trainImages").GetInt32());
        Assert.AreEqual(4, summary.GetProperty("testImages").GetInt32());
        CollectionAssert.AreEqual(
            new[] { ColourFolder.Red, ColourFolder.Blue }, summary.GetProperty("classes").EnumerateArray().Select(name => name.GetString()).ToArray());
    }

    /// <summary>The report beside the model has the console's numbers, digit by digit.</summary>
    [TestMethod]
    public void Train_TinyFolder_WritesReportThatAgreesWithTheConsole()
    {
        Assert.AreEqual(0, _training!.ExitCode, _training.Output);
        string report = File.ReadAllText(Folder.File("report.html"));

        foreach (string name in (string[])["Test accuracy", "Macro accuracy", "Log-loss"])
        {
            string onConsole = Regex.Match(_training.StandardOutput, $@"^{name} +(\d+\.\d+(?: %)?)", RegexOptions.Multiline).Groups[1].Value;
            Assert.AreNotEqual("", onConsole, _training.StandardOutput);
            Assert.AreEqual(onConsole, Regex.Match(report, $"<li>{name}<strong>(.*?)</strong>").Groups[1].Value);
        }

        foreach (string name in (string[])[ColourFolder.Red, ColourFolder.Blue])
        {
            Match row = Regex.Match(_training.StandardOutput, $@"^ +{name} +(\d+) +(\S+(?: %)?) +(\S+(?: %)?) ", RegexOptions.Multiline);
            Assert.IsTrue(row.Success, _training.StandardOutput);
            StringAssert.Contains(
                report,
                $"<tr><th scope=\"row\">{System.Net.WebUtility.HtmlEncode(name)}</th><td>{row.Groups[1].Value}</td><td>{row.Groups[2].Value}</td><td>{row.Groups[3].Value}</td>");
        }
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task Train_NoEpochsGiven_TakesThoseOfFewSmallImages()
    {
        string summary = Folder.File("default.json");

        ProcessResult result = await RunAsync("--images", Images, "--output", Folder.File("default.zip"), "--json", summary);

        Assert.AreEqual(0, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardOutput, "90 epochs in batches of 32");
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllTextAsync(summary));
        Assert.AreEqual(90, document.RootElement.GetProperty("epochs").GetInt32());
    }

    [TestMethod]
    [TestCategory("Thorough")]
    [DataRow("input 96x96")]
    [DataRow("input 48x48", "--size", "48")]
    public async Task Train_PretrainedOnSmallImages_EnlargesThemNoMoreThanNeeded(string expected, params string[] arguments)
    {
        ProcessResult result = await RunAsync(["--images", Images, "--pretrained", "--fine-tuning", "HeadOnly", "--output", Folder.File("pretrained.zip"), .. arguments]);

        Assert.AreEqual(0, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardOutput, expected);
        Assert.DoesNotContain("no effect", result.Output);
    }

    [TestMethod]
    [TestCategory("Thorough")]
    [DataRow("70 epochs in batches of 32, at most 1 minute", "--recipe", "fast")]
    [DataRow("2 epochs in batches of 32, at most 10 minutes", "--recipe", "Balanced", "--epochs", "2")]
    [DataRow("2 epochs in batches of 32, at most 3 minutes", "--recipe", "Best", "--epochs", "2", "--minutes", "3")]
    [DataRow("the classifier alone, at most 1 minute", "--recipe", "Fast", "--pretrained")]
    [DataRow("HeadThenFull, 1 epoch in batches of 32, at most 10 minutes", "--recipe", "Balanced", "--pretrained", "--epochs", "1")]
    [DataRow("the classifier alone, at most 10 minutes", "--recipe", "Balanced", "--pretrained", "--fine-tuning", "HeadOnly")]
    [DataRow("HeadThenFull, 10 epochs in batches of 32, seed", "--pretrained")]
    public async Task Train_Recipe_IsChangedByOtherOptions(string expected, params string[] arguments)
    {
        ProcessResult result = await RunAsync(["--images", Images, "--output", Folder.File("recipe.zip"), .. arguments]);

        Assert.AreEqual(0, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardOutput, expected);
        Assert.DoesNotContain("no effect", result.Output);
    }

    [TestMethod]
    public async Task Predict_FilesOfWhichSomeAreBad_PredictsTheOthers()
    {
        string good = Path.Combine(Images, ColourFolder.Red, "00.png");
        string text = Folder.File("text.png");
        string missing = Folder.File("missing.png");
        await File.WriteAllTextAsync(text, "This is no image.");

        ProcessResult result = await RunAsync("predict", "--model", Model, text, missing, good);

        Assert.AreEqual(1, result.ExitCode, result.Output);
        AssertLines(
            result.StandardError,
            $"Image file '{text}' cannot be decoded: it holds text. Formats that work are JPEG, PNG, WebP, BMP, GIF. Convert the image to one of them or remove it from the data.",
            $"Image file '{missing}' does not exist. Check the path and the folder that relative paths start from.");
        StringAssert.StartsWith(result.StandardOutput, good + ": ");
        double[] percentages = [.. Percentage().Matches(result.StandardOutput).Select(match => double.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.HasCount(2, percentages);
        Assert.AreEqual(100, percentages.Sum(), 0.11, "Two probabilities, each rounded to a tenth.");
        Assert.IsGreaterThanOrEqualTo(percentages[1], percentages[0]);
    }

    [TestMethod]
    [DataRow("Unrecognized command or argument '--epoch'. See --help.", "--epoch", "3")]
    [DataRow("--epochs is '0', expected a whole number from 1 to 10000. See --help.", "--epochs", "0")]
    [DataRow("--size is 'big', expected a whole number from 8 to 4096. See --help.", "--size", "big")]
    [DataRow("--test goes with --images only. See --help.", "--test", "folder")]
    [DataRow("Unrecognized command or argument '--epochs'. See --help.", "predict", "a.png", "--epochs", "3")]
    [DataRow("'trian' is no command, expected one of train, evaluate, predict, report, export, compare, check, find-lr, completion. See --help.", "trian")]
    [DataRow("The image folder 'nowhere' doesn't exist.", "--images", "nowhere")]
    [DataRow("--images 'model.zip' is a file, expected a folder with a sub-folder of images for each class.", "--images", "model.zip")]
    [DataRow("The folder of --output 'nowhere/model.zip' doesn't exist.", "--output", "nowhere/model.zip")]
    [DataRow("--output 'model.zip' is a file, expected the path of a folder.", "predict", "--output", "model.zip", "images")]
    [DataRow("--explain 'model.zip' is a file, expected the path of a folder.", "predict", "--explain", "model.zip", "images")]
    [DataRow("--checkpoints 'model.zip' is a file, expected the path of a folder.", "--checkpoints", "model.zip")]
    [DataRow("The model 'nowhere.zip' doesn't exist. Train one first, or name another with --model.", "predict", "--model", "nowhere.zip", "a.png")]
    [DataRow("The model '.' is a folder, expected the file of a saved model.", "predict", "--model", ".", "a.png")]
    [DataRow("The folder of --output 'model.zip/model.zip' is a file.", "--output", "model.zip/model.zip")]
    public async Task Run_WrongArgument_IsOneLineAndExitCode2(string expected, params string[] arguments)
    {
        ProcessResult result = await RunAsync(arguments);

        Assert.AreEqual(2, result.ExitCode, result.Output);
        Assert.AreEqual("", result.StandardOutput);
        AssertLines(result.StandardError, expected);
    }

    [TestMethod]
    public async Task Train_OneClass_IsOneLineAndExitCode2()
    {
        string images = Folder.File("one-class");
        ColourFolder.Create(images, ColourFolder.Red);

        ProcessResult result = await RunAsync("--images", images, "--output", Folder.File("none.zip"));

        Assert.AreEqual(2, result.ExitCode, result.Output);
        AssertLines(
            result.StandardError,
            "Label column 'Label' has rows of one class only, 'red', expected at least two classes. Check the label column, and that no filter took the other classes away.");
        Assert.IsFalse(File.Exists(Folder.File("none.zip")));
    }

    [TestMethod]
    public async Task Train_TextFileAsImage_IsOneLineAndExitCode1()
    {
        string images = Folder.File("with-text");
        ColourFolder.Create(images, ColourFolder.Red, ColourFolder.Blue);
        string text = Path.Combine(images, ColourFolder.Red, "text.png");
        await File.WriteAllTextAsync(text, "This is no image.");

        // The images of the other folder are the test images, so that the text is one to train on.
        ProcessResult result = await RunAsync("--images", images, "--test", Images, "--output", Folder.File("none.zip"));

        Assert.AreEqual(1, result.ExitCode, result.Output);
        AssertLines(
            result.StandardError,
            $"24 of 24 test images are in the training set, too, such as {Path.Combine("images", ColourFolder.Red, "00.png")}: the test will flatter the model. 'check' lists them.",
            $"Image file '{text}' cannot be decoded: it holds text. Formats that work are JPEG, PNG, WebP, BMP, GIF. Convert the image to one of them or remove it from the data.");
        Assert.IsFalse(File.Exists(Folder.File("none.zip")));
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public Task ExistingApp_SavedModelByTransform_PrintsTheSameScoresInEachProcess() => ExistingApp_SavedModel_PrintsTheSameScoresInEachProcess("--transform");

    [TestMethod]
    [DataRow()]
    public async Task ExistingApp_SavedModel_PrintsTheSameScoresInEachProcess(params string[] arguments)
    {
        string[] files = [Path.Combine(Images, ColourFolder.Red, "00.png"), Path.Combine(Images, ColourFolder.Blue, "00.png")];
        string[] command = [RepositoryPaths.Sample("ExistingApp"), .. arguments, Model, .. files];

        ProcessResult first = await DotNet.RunAsync(command);
        ProcessResult second = await DotNet.RunAsync(command);

        Assert.AreEqual(0, first.ExitCode, first.Output);
        Assert.AreEqual(first.StandardOutput, second.StandardOutput);
        string[] lines = first.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.HasCount(2, lines);
        foreach (string line in lines)
        {
            string[] parts = line.Trim().Split('\t');
            Assert.AreEqual("00.png", parts[0]);
            Assert.AreEqual(1, parts[2].Split(' ').Sum(score => float.Parse(score, System.Globalization.CultureInfo.InvariantCulture)), 1e-5);
        }
    }

    private static Task<ProcessResult> RunAsync(params string[] arguments)
        => DotNet.RunAsync([RepositoryPaths.Tool, .. arguments], Folder.Path);

    private static void AssertLines(string text, params string[] expected)
        => CollectionAssert.AreEqual(expected, text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), text);

    [GeneratedRegex(@"^epoch [12]/2  loss \d+\.\d{3}  accuracy +\d+\.\d %  +\d+ images/s  ", RegexOptions.Multiline)]
    private static partial Regex EpochLine();

    [GeneratedRegex(@"(\d+\.\d) %")]
    private static partial Regex Percentage();
}
