using System.Diagnostics;
using System.Formats.Tar;
using System.Globalization;
using System.Text.Json;
using Parquet;
using Parquet.Schema;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The tool's <c>predict --output</c>: results in parts, by several processes, none of them twice and none of them half.</summary>
[TestClass]
public sealed class BatchScoringTests
{
    private const int Files = 5, ImagesPerFile = 9;

    private static readonly TemporaryFolder Folder = new();

    private readonly TemporaryFolder _output = new();

    public TestContext TestContext { get; set; } = null!;

    private static string Model => Folder.File("model.zip");

    private static string Shards => Folder.File("shards");

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        ColourFolder.Create(Folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        ColourModel.Save(Folder.File("images"), Model);
        Directory.CreateDirectory(Shards);
        TarFiles.WriteColours(Shards, Files, ImagesPerFile);
    }

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    [TestCleanup]
    public void RemoveOutput() => _output.Dispose();

    [TestMethod]
    public async Task Output_TwoProcesses_WriteEachPartOnceAsOneWould()
    {
        await SucceedAsync("--output", _output.File("one"), "--top", "1", Shards);
        await SucceedAsync("--output", _output.File("two"), "--top", "1", "--rank", "1", "--ranks", "2", Shards);
        Assert.HasCount(2, Parts("two"));
        await SucceedAsync("--output", _output.File("two"), "--top", "1", "--rank", "0", "--ranks", "2", Shards);

        CollectionAssert.AreEqual(Enumerable.Range(0, Files).Select(i => $"train-{i:D3}.csv").ToArray(), Parts("two").Keys.Order().ToArray());
        CollectionAssert.AreEquivalent(Parts("one"), Parts("two"));
        string[] lines = Parts("two")["train-001.csv"].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.HasCount(1 + ImagesPerFile, lines);
        Assert.AreEqual("ImagePath,PredictedLabel,Class1,Probability1,Error", lines[0]);
        for (int i = 0; i < ImagesPerFile; i++)
        {
            string label = (ImagesPerFile + i) % 2 == 0 ? ColourFolder.Red : ColourFolder.Blue;
            StringAssert.StartsWith(lines[1 + i], $"{Shards}/train-001.tar/{ImagesPerFile + i:D5}.png,{label},{label},0.");
        }
    }

    [TestMethod]
    public async Task Output_MpiExec_SharesTheWork()
    {
        MpiJob.Ended ended = await MpiJob.RunAsync(Folder.Path, ["-n", "2", "dotnet", "exec", RepositoryPaths.Tool, "predict", "--model", Model, "--output", _output.File("mpi"), Shards]);

        Assert.AreEqual(0, ended.ExitCode, ended.Output);
        StringAssert.Contains(ended.Output, "Rank 0 of 2: 3 of 3 parts to do.");
        StringAssert.Contains(ended.Output, "Rank 1 of 2: 2 of 2 parts to do.");
        Assert.HasCount(Files, Parts("mpi"));
    }

    [TestMethod]
    public async Task Output_Again_MakesWhatIsMissingOrOlderThanItsImages()
    {
        string shards = _output.File("copied");
        Directory.CreateDirectory(shards);
        foreach (string tar in Directory.GetFiles(Shards))
        {
            File.Copy(tar, Path.Combine(shards, Path.GetFileName(tar)));
        }

        string folder = _output.File("again");
        await SucceedAsync("--output", folder, shards);
        File.Delete(Path.Combine(folder, "train-000.csv"));
        File.SetLastWriteTimeUtc(Path.Combine(folder, "train-001.csv"), DateTime.UtcNow.AddDays(-1));
        DateTime kept = File.GetLastWriteTimeUtc(Path.Combine(folder, "train-002.csv"));

        using JsonDocument again = JsonDocument.Parse((await SucceedAsync("--output", folder, "--json", "-", shards)).StandardOutput);

        Assert.AreEqual(2, again.RootElement.GetProperty("parts").GetInt32());
        Assert.AreEqual(Files - 2, again.RootElement.GetProperty("partsBefore").GetInt32());
        Assert.AreEqual(2 * ImagesPerFile, again.RootElement.GetProperty("images").GetInt32());
        Assert.AreEqual(kept, File.GetLastWriteTimeUtc(Path.Combine(folder, "train-002.csv")));
        Assert.HasCount(Files, Parts("again"));
    }

    /// <summary>A part that a killed process was at has no file of its name, and is made anew alone.</summary>
    [TestMethod]
    public async Task Output_ProcessIsKilled_LeavesWholePartsOnly()
    {
        string shards = _output.File("many"), folder = _output.File("killed");
        Directory.CreateDirectory(shards);
        TarFiles.WriteColours(shards, files: 3, imagesPerFile: 2000, side: 8);
        using (Process process = MpiJob.StartProgram("dotnet", _output.Path, ["exec", RepositoryPaths.Tool, "predict", "--model", Model, "--output", folder, shards]))
        {
            var clock = Stopwatch.StartNew();
            while (!File.Exists(Path.Combine(folder, "train-001.csv.partial")))
            {
                Assert.IsFalse(process.HasExited);
                Assert.IsLessThan(120, clock.Elapsed.TotalSeconds);
                await Task.Delay(5);
            }

            process.Kill();
            await process.WaitForExitAsync();
        }

        CollectionAssert.AreEqual(new[] { "train-000.csv" }, Parts("killed").Keys.ToArray());
        DateTime kept = File.GetLastWriteTimeUtc(Path.Combine(folder, "train-000.csv"));
        using JsonDocument again = JsonDocument.Parse((await SucceedAsync("--output", folder, "--json", "-", shards)).StandardOutput);

        Assert.AreEqual(2, again.RootElement.GetProperty("parts").GetInt32());
        Assert.AreEqual(kept, File.GetLastWriteTimeUtc(Path.Combine(folder, "train-000.csv")));
        Assert.IsTrue(Parts("killed").Values.All(part => part.Count(character => character == '\n') == 2001));
        Assert.IsEmpty(Directory.GetFiles(folder, "*.partial"));
    }

    [TestMethod]
    public async Task Output_Parquet_HasTheValuesOfCsv()
    {
        string bad = _output.File("bad, \"quoted\".png");
        File.WriteAllText(bad, "no image");
        string good = Path.Combine(Folder.File("images"), ColourFolder.Red, "00.png");

        ProcessResult csv = await RunAsync("--output", _output.File("c"), bad, good, Shards), parquet = await RunAsync("--output", _output.File("p"), "--format", "parquet", bad, good, Shards);

        Assert.AreEqual(1, csv.ExitCode, csv.Output);
        Assert.AreEqual(1, parquet.ExitCode, parquet.Output);
        StringAssert.Contains(parquet.StandardError, bad);
        foreach (string name in (string[])["files-00000", "train-003"])
        {
            CollectionAssert.AreEqual(Rows(Parts("c")[$"{name}.csv"]), await ReadParquetAsync(_output.File($"p/{name}.parquet")), name);
        }

        string[] errors = Rows(Parts("c")["files-00000.csv"]);
        Assert.HasCount(3, errors);
        StringAssert.StartsWith(errors[1], $"{bad}||||||Image file '{bad}' ");
        StringAssert.StartsWith(errors[2], $"{good}|{ColourFolder.Red}|{ColourFolder.Red}|0.");
    }

    [TestMethod]
    public async Task Output_OfOtherRuns_IsRefused()
    {
        string folder = _output.File("o"), first = Path.Combine(Shards, "train-000.tar"), same = _output.File("train-000.tar");
        File.Copy(first, same);
        await SucceedAsync("--output", folder, first);
        string model = _output.File("other.zip");
        ColourModel.Save(Folder.File("images"), model, explains: true);

        // It has more classes than --top shows by default.
        string three = _output.File("three.zip");
        ColourFolder.Create(_output.File("three"), ColourFolder.Red, ColourFolder.Blue, "also blue");
        ColourModel.Save(_output.File("three"), three);

        foreach (var (arguments, message) in new (string[], string)[]
        {
            (["--top", "1", first], "--top was '3' and is '1'"),
            (["--format", "parquet", first], "--format was 'Csv' and is 'Parquet'"),
            ([same], $"train-000 was of {first} and is of {same}"),
            (["--model", model, first], "the model is another one"),
            (["--model", three, first], "the model is another one"),
        })
        {
            ProcessResult result = await RunAsync(["--output", folder, .. arguments]);
            Assert.AreEqual(2, result.ExitCode, result.Output);
            StringAssert.Contains(result.StandardError, $"The folder '{folder}' has results that were made otherwise: {message}. Remove them, or name another folder with --output.");
        }
    }

    [TestMethod]
    public async Task Output_DamagedTarFile_LeavesTheOthersToBeDone()
    {
        string cut = _output.File("cut.tar"), folder = _output.File("d");
        byte[] whole = File.ReadAllBytes(Path.Combine(Shards, "train-000.tar"));
        File.WriteAllBytes(cut, whole[..(whole.Length / 2)]);

        ProcessResult result = await RunAsync("--output", folder, cut, _output.File("missing.tar"), Path.Combine(Shards, "train-001.tar"));

        Assert.AreEqual(1, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardError, $"'{Path.Combine(folder, "cut.csv")}' is not written: The tar file '{cut}' ends ");
        StringAssert.Contains(result.StandardError, $"The tar file '{_output.File("missing.tar")}' does not exist.");
        CollectionAssert.AreEqual(new[] { "train-001.csv" }, Parts("d").Keys.ToArray());
    }

    /// <summary>The same without --output.</summary>
    [TestMethod]
    public async Task Files_DamagedTarFile_IsAnErrorAndTheOthersGoOn()
    {
        string cut = _output.File("cut.tar"), missing = _output.File("missing.tar"), good = Path.Combine(Shards, "train-001.tar");
        byte[] whole = File.ReadAllBytes(Path.Combine(Shards, "train-000.tar"));
        File.WriteAllBytes(cut, whole[..(whole.Length / 2)]);

        ProcessResult result = await RunAsync("--json", "-", cut, missing, good);

        Assert.AreEqual(1, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        JsonElement[] rows = [.. document.RootElement.EnumerateArray()];
        CollectionAssert.AreEqual(new[] { cut, missing }, rows[..2].Select(row => row.GetProperty("file").GetString()).ToArray());
        StringAssert.StartsWith(rows[0].GetProperty("error").GetString(), $"The tar file '{cut}' ends ");
        StringAssert.Contains(result.StandardError, $"The tar file '{missing}' does not exist.");
        Assert.HasCount(ImagesPerFile, rows[2..]);
        Assert.IsTrue(rows[2..].All(row => row.GetProperty("error").ValueKind == JsonValueKind.Null));
    }

    [TestMethod]
    [DataRow("--format goes with --output only.", "--format", "csv")]
    [DataRow("--ranks goes with --output only.", "--ranks", "2")]
    [DataRow("--explain does not go with --output.", "--output", "o", "--explain", "e")]
    [DataRow("--rank is 2 and --ranks is 2, expected both, and a rank from 0 to below --ranks.", "--output", "o", "--rank", "2", "--ranks", "2")]
    [DataRow("--rank is 0 and --ranks is missing, expected both", "--output", "o", "--rank", "0")]
    public async Task Options_ThatDoNotGoTogether_AreOneLine(string message, params string[] arguments)
    {
        ProcessResult result = await RunAsync([.. arguments, Shards]);

        Assert.AreEqual(2, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardError, message);
    }

    [TestMethod]
    public async Task Predict_TarFile_ShowsItsImages()
    {
        ProcessResult result = await SucceedAsync(Path.Combine(Shards, "train-002.tar"), $"{Shards}/train-001.tar/00010.png");

        string[] lines = result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.HasCount(ImagesPerFile + 1, lines);
        StringAssert.StartsWith(lines[^1], $"{Shards}/train-001.tar/00010.png: {ColourFolder.Red} ");
    }

    /// <summary>A million images of eight pixels, in four tar files.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DoNotParallelize]
    public async Task Output_AMillionImages_KeepsMemoryFlat()
    {
        int count = Soak.Count(250_000);
        string shards = _output.File("million"), folder = _output.File("m"), model = _output.File("small.zip");
        Directory.CreateDirectory(shards);
        byte[][] pictures = [.. Enumerable.Range(0, 100).Select(i => TestImages.Encode(SKEncodedImageFormat.Png, 8, 8, (_, _) => i % 2 == 0 ? ((byte)(150 + i), (byte)20, (byte)20) : ((byte)20, (byte)20, (byte)(150 + i))))];
        for (int file = 0; file < 4; file++)
        {
            TarFiles.Write(Path.Combine(shards, $"{file}.tar"), TarEntryFormat.Ustar, [.. Enumerable.Range(0, count).Select(i => ($"{i}.png", pictures[i % 100]))]);
        }

        SaveSmall(model);
        List<long> resident = [];
        var clock = Stopwatch.StartNew();
        using (Process process = MpiJob.StartProgram("dotnet", _output.Path, ["exec", RepositoryPaths.Tool, "predict", "--model", model, "--output", folder, "--format", "parquet", shards]))
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
            while (!process.HasExited)
            {
                process.Refresh();
                resident.Add(process.WorkingSet64);
                await Task.WhenAny(process.WaitForExitAsync(), Task.Delay(200));
            }

            Assert.AreEqual(0, process.ExitCode, await errors);
            TestContext.WriteLine($"{4 * count} images in {clock.Elapsed.TotalSeconds:F0} s, at most {resident.Max() >> 20} MiB. {await output}");
        }

        Soak.AssertFlat([.. resident.SkipLast(5)], 60L << 20, "resident memory");
        long rows = 0;
        foreach (string part in Directory.GetFiles(folder, "*.parquet"))
        {
            string[] table = await ReadParquetAsync(part);
            rows += table.Length - 1;
            Assert.IsTrue(Enumerable.Range(0, table.Length - 1).All(i => table[1 + i].StartsWith($"{shards}/{Path.GetFileNameWithoutExtension(part)}.tar/{i}.png|{(i % 2 == 0 ? "red" : "blue")}|", StringComparison.Ordinal)), part);
        }

        Assert.AreEqual(4L * count, rows);
    }

    private static void SaveSmall(string path)
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext(1);
        IDataView data = context.Data.LoadImageShards(TarFiles.WriteColours(folder.Path, 1, 100, side: 8));
        using var model = context.Transforms.Conversion.MapValueToKey("Label")
            .Append(context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options
            {
                FeatureColumnName = "ImagePath",
                Specification = new ResNetSpecification { Depths = [1], Widths = [16], Stem = ResNetStem.Cifar },
                Epochs = 20,
                BatchSize = 10,
            }))
            .Append(context.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(data);
        context.Model.SaveAtomically(model, data.Schema, path);
    }

    private Dictionary<string, string> Parts(string folder)
        => Directory.GetFiles(_output.File(folder)).Where(file => Path.GetFileName(file).StartsWith("predict.json", StringComparison.Ordinal) is false && !file.EndsWith(".partial", StringComparison.Ordinal)).ToDictionary(file => Path.GetFileName(file), File.ReadAllText);

    /// <summary>Rows with bars between their values.</summary>
    private static string[] Rows(string csv)
    {
        List<string> rows = [];
        var row = new System.Text.StringBuilder();
        bool isQuoted = false;
        for (int i = 0; i < csv.Length; i++)
        {
            if (csv[i] == '"' && isQuoted && i + 1 < csv.Length && csv[i + 1] == '"')
            {
                row.Append(csv[i++]);
            }
            else if (csv[i] == '"')
            {
                isQuoted = !isQuoted;
            }
            else if (csv[i] == '\n' && !isQuoted)
            {
                rows.Add(row.ToString());
                row.Clear();
            }
            else
            {
                row.Append(csv[i] == ',' && !isQuoted ? '|' : csv[i]);
            }
        }

        return [.. rows];
    }

    private static async Task<string[]> ReadParquetAsync(string path)
    {
        await using ParquetReader reader = await ParquetReader.CreateAsync(path);
        DataField[] fields = reader.Schema.GetDataFields();
        List<string> rows = [string.Join('|', fields.Select(field => field.Name))];
        for (int group = 0; group < reader.RowGroupCount; group++)
        {
            using ParquetRowGroupReader rowGroup = reader.OpenRowGroupReader(group);
            List<string[]> columns = [];
            foreach (DataField field in fields)
            {
                columns.Add(await ReadColumnAsync(rowGroup, field));
            }

            rows.AddRange(Enumerable.Range(0, (int)rowGroup.RowCount).Select(row => string.Join('|', columns.Select(column => column[row]))));
        }

        return [.. rows];
    }

    private static async Task<string[]> ReadColumnAsync(ParquetRowGroupReader rowGroup, DataField field)
    {
        if (field.ClrType == typeof(float))
        {
            float?[] values = new float?[rowGroup.RowCount];
            await rowGroup.ReadAsync<float>(field, values.AsMemory());
            return [.. values.Select(value => value?.ToString(CultureInfo.InvariantCulture) ?? "")];
        }

        string?[] texts = new string?[rowGroup.RowCount];
        await rowGroup.ReadAsync(field, texts.AsMemory());
        return [.. texts.Select(text => text ?? "")];
    }

    private static async Task<ProcessResult> SucceedAsync(params string[] arguments)
    {
        ProcessResult result = await RunAsync(arguments);
        Assert.AreEqual(0, result.ExitCode, result.Output);
        return result;
    }

    private static Task<ProcessResult> RunAsync(params string[] arguments)
        => DotNet.RunAsync(["exec", RepositoryPaths.Tool, "predict", .. arguments.Contains("--model") ? [] : new[] { "--model", Model }, .. arguments], Folder.Path);
}
