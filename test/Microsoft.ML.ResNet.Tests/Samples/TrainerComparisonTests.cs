using System.Diagnostics;
using System.Text.Json;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The comparison of trainers as a user starts it, in a process of its own, on a few of the bundled images.</summary>
[TestClass]
public sealed class TrainerComparisonTests
{
    private static readonly string[] Classes = ["Bag", "Dress"];

    [TestMethod]
    public async Task Run_FewImages_RanksCandidatesAndSavesTheBest()
    {
        JsonElement[] rows = await CompareAsync("HeadOnly", "Scratch");

        Assert.HasCount(2, rows);
        Assert.AreEqual("ResNet, HeadOnly", Trainer(rows[0]));
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task Run_FewImagesByMLNetsTrainersToo_RanksCandidatesAndSavesTheBest()
    {
        JsonElement[] rows = await CompareAsync("OnnxSdca", "FeaturesSdca", "FeaturesLightGbm", "HeadOnly", "Scratch");

        // LightGBM has no native library for macOS in its package.
        Assert.HasCount(OperatingSystem.IsMacOS() ? 4 : 5, rows);

        // Both ways to the features have the same network: 15.9 million weights, and a classifier of 512 weights and a bias for each of two classes.
        Assert.AreEqual(new ResNetSpecification { Depths = [2, 2, 2, 3], Stem = ResNetStem.ImageNet }.CountParameters(2), Parameters(rows, "OnnxSdca"));
        Assert.AreEqual(Parameters(rows, "OnnxSdca"), Parameters(rows, "FeaturesSdca"));
        Assert.AreEqual(Parameters(rows, "OnnxSdca"), Parameters(rows, "HeadOnly"));
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task Run_CandidateThatFails_IsARowAndTheOthersGoOn()
    {
        using var folder = new TemporaryFolder();
        CopyImages(folder, "train", count: 4);
        CopyImages(folder, "test", count: 2);

        // ML.NET's own loader takes a file that ends early, this library's doesn't.
        string cut = folder.File("train/Bag/cut.jpg");
        byte[] whole = Jpeg();
        await File.WriteAllBytesAsync(cut, whole[..(whole.Length / 2)]);

        ProcessResult result = await RunAsync(folder, "--candidates", "OnnxSdca", "Scratch", "--epochs", "1", "--json", folder.File("board.json"));

        Assert.AreEqual(0, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllTextAsync(folder.File("board.json")));
        JsonElement[] rows = [.. document.RootElement.GetProperty("results").EnumerateArray()];
        Assert.AreEqual("ONNX features + SDCA", Trainer(rows[0]));
        Assert.AreEqual(1, rows[0].GetProperty("rank").GetInt32());
        Assert.AreEqual("ResNet from scratch", Trainer(rows[1]));
        Assert.AreEqual(JsonValueKind.Null, rows[1].GetProperty("rank").ValueKind);
        StringAssert.Contains(rows[1].GetProperty("error").GetString(), "cut.jpg");
        StringAssert.Contains(result.StandardOutput, "cut.jpg");
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public async Task Run_InterruptedAfterACandidate_ShowsAndSavesWhatThereIs()
    {
        using var folder = new TemporaryFolder();
        CopyImages(folder, "train", count: 6);
        CopyImages(folder, "test", count: 3);
        // Tests that run in the background of a shell ignore the signal, and so would the tool.
        string[] arguments = ["--default-signal=INT", "dotnet", .. Arguments(folder, "--candidates", "HeadOnly", "Scratch", "--epochs", "10000", "--size", "32", "--json", folder.File("board.json"))];
        using Process process = Process.Start(new ProcessStartInfo("env", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
            while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line && !line.StartsWith("1/2 ", StringComparison.Ordinal))
            {
            }

            Process.Start("kill", ["-INT", $"{process.Id}"])!.WaitForExit();
            string output = await process.StandardOutput.ReadToEndAsync(limit.Token), error = await process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);

            Assert.AreEqual(130, process.ExitCode, output + error);
            Assert.AreEqual("Stopped early: 1 of 2 candidates were compared.", error.Trim());
            StringAssert.Contains(output, "ResNet from scratch: Not run to its end: the comparison was stopped.");
        }
        finally
        {
            process.Kill();
        }

        using JsonDocument document = JsonDocument.Parse(await File.ReadAllTextAsync(folder.File("board.json")));
        Assert.IsTrue(document.RootElement.GetProperty("isStoppedEarly").GetBoolean());
        JsonElement[] rows = [.. document.RootElement.GetProperty("results").EnumerateArray()];
        Assert.AreEqual("ResNet, HeadOnly", Trainer(rows[0]));
        Assert.AreEqual(1, rows[0].GetProperty("rank").GetInt32());
        Assert.AreEqual(JsonValueKind.Null, rows[1].GetProperty("rank").ValueKind);
        ((IDisposable)new MLContext().Model.Load(folder.File("best.zip"), out _)).Dispose();
    }

    [TestMethod]
    [DataRow("--minutes is '0', expected a whole number from 1 to 100000. See --help.", "--minutes", "0")]
    [DataRow("--test goes with --images only. See --help.", "--test", "folder")]
    [DataRow("The image folder 'nowhere' doesn't exist.", "--images", "nowhere")]
    public async Task Run_WrongArgument_IsOneLineAndExitCode2(string expected, params string[] arguments)
    {
        ProcessResult result = await DotNet.RunAsync(["exec", RepositoryPaths.Tool, "compare", .. arguments]);

        Assert.AreEqual(2, result.ExitCode, result.Output);
        Assert.AreEqual("", result.StandardOutput);
        Assert.AreEqual(expected, result.StandardError.Trim());
    }

    /// <returns>The rows of the candidates that were trained, by rank.</returns>
    private static async Task<JsonElement[]> CompareAsync(params string[] candidates)
    {
        using var folder = new TemporaryFolder();
        CopyImages(folder, "train", count: 6);
        CopyImages(folder, "test", count: 3);

        ProcessResult result = await RunAsync(folder, ["--candidates", .. candidates, "--epochs", "1", "--size", "32", "--json", folder.File("board.json")]);

        Assert.AreEqual(0, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllTextAsync(folder.File("board.json")));
        JsonElement[] rows = [.. document.RootElement.GetProperty("results").EnumerateArray().Select(row => row.Clone())];
        Assert.HasCount(candidates.Length, rows);
        JsonElement[] ranked = [.. rows.Where(row => row.GetProperty("error").ValueKind == JsonValueKind.Null)];
        CollectionAssert.AreEqual(Enumerable.Range(1, ranked.Length).ToArray(), ranked.Select(row => row.GetProperty("rank").GetInt32()).ToArray(), result.Output);
        CollectionAssert.AreEqual(
            ranked.OrderByDescending(Accuracy).ThenBy(row => row.GetProperty("logLoss").GetDouble()).Select(Trainer).ToArray(), ranked.Select(Trainer).ToArray());
        foreach (JsonElement row in ranked)
        {
            StringAssert.Contains(result.StandardOutput, Trainer(row));
            Assert.IsTrue(row.GetProperty("trainSeconds").GetDouble() > 0 && row.GetProperty("scoringImagesPerSecond").GetDouble() > 0 && row.GetProperty("modelMegabytes").GetDouble() > 0);
        }

        // A bag and a dress are told apart by their features, after six images of each.
        Assert.IsGreaterThan(0.8, Accuracy(ranked[0]));
        ITransformer best = new MLContext().Model.Load(folder.File("best.zip"), out _);
        ((IDisposable)best).Dispose();
        return ranked;
    }

    private static Task<ProcessResult> RunAsync(TemporaryFolder folder, params string[] arguments) => DotNet.RunAsync(Arguments(folder, arguments));

    private static string[] Arguments(TemporaryFolder folder, params string[] arguments)
        => ["exec", RepositoryPaths.Tool, "compare", "--images", folder.File("train"), "--test", folder.File("test"), "--output", folder.File("best.zip"), .. arguments];

    private static void CopyImages(TemporaryFolder folder, string set, int count)
    {
        foreach (string name in Classes)
        {
            Directory.CreateDirectory(folder.File($"{set}/{name}"));
            foreach (string file in Directory.GetFiles(Path.Combine(RepositoryPaths.Root, "samples", "data", "fashion-mnist", set, name)).Order(StringComparer.Ordinal).Take(count))
            {
                File.Copy(file, folder.File($"{set}/{name}/{Path.GetFileName(file)}"));
            }
        }
    }

    private static byte[] Jpeg()
    {
        using var bitmap = new SKBitmap(64, 64);
        for (int i = 0; i < 64 * 64; i++)
        {
            bitmap.SetPixel(i % 64, i / 64, new SKColor((byte)(i * 7), (byte)(i * 13), (byte)(i * 29)));
        }

        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, quality: 90);
        return data.ToArray();
    }

    private static string Trainer(JsonElement row) => row.GetProperty("trainer").GetString()!;

    private static double Accuracy(JsonElement row) => row.GetProperty("microAccuracy").GetDouble();

    private static long Parameters(JsonElement[] rows, string candidate)
        => rows.Single(row => row.GetProperty("candidate").GetString() == candidate).GetProperty("parameters").GetInt64();
}
