using System.IO.Compression;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests.Repository;

/// <summary>The packages as <c>dotnet pack</c> makes them, and an application that has nothing of this repository but the packages.</summary>
[TestClass]
public sealed class PackageTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);
    private static readonly TemporaryFolder Folder = new();

    // A version of its own, so that no package cache has another package under it; a later one than that of the build, which the packages ask of each other.
    private static readonly string Version = $"0.1.1-test.{DateTime.UtcNow.Ticks}";

    private static string Feed => Folder.File("feed");

    [ClassInitialize]
    public static async Task Pack(TestContext context)
    {
        foreach (string name in (string[])["Microsoft.ML.ResNet", "Microsoft.ML.ResNet.Reporting", "Microsoft.ML.ResNet.Mpi"])
        {
            ProcessResult result = await DotNet.RunAsync(
                ["pack", Path.Combine(RepositoryPaths.Root, "src", name), "-c", RepositoryPaths.Configuration, "--no-build", "-o", Feed, $"-p:PackageVersion={Version}", "-nodeReuse:false"],
                limit: Limit);
            Assert.AreEqual(0, result.ExitCode, result.Output);
        }
    }

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    [TestMethod]
    [TestCategory("Thorough")]
    public void Pack_Library_HasItsFilesAndNoBuildTool()
    {
        using ZipArchive package = ZipFile.OpenRead(Path.Combine(Feed, $"Microsoft.ML.ResNet.{Version}.nupkg"));
        using ZipArchive symbols = ZipFile.OpenRead(Path.Combine(Feed, $"Microsoft.ML.ResNet.{Version}.snupkg"));

        // What the format itself adds lies in _rels, package and [Content_Types].xml.
        string[] files = [.. package.Entries.Select(entry => entry.FullName).Where(name => name[0] is not ('_' or '[') && !name.StartsWith("package/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        CollectionAssert.AreEqual(
            new[] { "Microsoft.ML.ResNet.nuspec", "README.md", "THIRD-PARTY-NOTICES.txt", "icon.png", "lib/net8.0/Microsoft.ML.ResNet.dll", "lib/net8.0/Microsoft.ML.ResNet.xml" }, files, string.Join(", ", files));
        Assert.IsTrue(symbols.Entries.Any(entry => entry.FullName == "lib/net8.0/Microsoft.ML.ResNet.pdb"));
    }

    [TestMethod]
    [TestCategory("Thorough")]
    [DataRow("Microsoft.ML.ResNet.Reporting", "OxyPlot.Core")]
    [DataRow("Microsoft.ML.ResNet.Mpi", "MPI.NET")]
    public void Pack_PackageBesideTheLibrary_HasItsFilesAndAsksForIt(string name, string dependency)
    {
        using ZipArchive package = ZipFile.OpenRead(Path.Combine(Feed, $"{name}.{Version}.nupkg"));
        string[] files = [.. package.Entries.Select(entry => entry.FullName).Where(file => file[0] is not ('_' or '[') && !file.StartsWith("package/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        using Stream stream = package.GetEntry($"{name}.nuspec")!.Open();
        string[] dependencies = [.. XDocument.Load(stream).Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")!.Value).Order(StringComparer.Ordinal)];

        CollectionAssert.AreEqual(
            new[] { $"{name}.nuspec", "README.md", "THIRD-PARTY-NOTICES.txt", "icon.png", $"lib/net8.0/{name}.dll", $"lib/net8.0/{name}.xml" }, files, string.Join(", ", files));

        // With them come the library's own, whose versions are bounded for all projects in one place.
        CollectionAssert.IsSubsetOf(new[] { "Microsoft.ML.ResNet", dependency }, dependencies, string.Join(", ", dependencies));
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public void Pack_Library_HasMetadataAndBoundedDependencies()
    {
        using ZipArchive package = ZipFile.OpenRead(Path.Combine(Feed, $"Microsoft.ML.ResNet.{Version}.nupkg"));
        using Stream stream = package.GetEntry("Microsoft.ML.ResNet.nuspec")!.Open();
        XElement metadata = XDocument.Load(stream).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
        string Of(string name) => metadata.Elements().Single(element => element.Name.LocalName == name).Value;

        Assert.AreEqual("Microsoft.ML.ResNet", Of("id"));
        Assert.AreEqual("MIT", Of("license"));
        Assert.AreEqual("README.md", Of("readme"));
        Assert.AreEqual("icon.png", Of("icon"));
        Assert.IsGreaterThan(40, Of("description").Length);
        string[] dependencies = [.. metadata.Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => $"{element.Attribute("id")!.Value} {element.Attribute("version")!.Value}").Order(StringComparer.Ordinal)];

        // SkiaSharp's native part for Linux, which ML.NET brings, has to be of the version of its managed part.
        string[] expected =
        [
            "Google.Protobuf [3.30.2, 4.0.0)", "Microsoft.ML [5.0.1, 6.0.0)", "Microsoft.ML.ImageAnalytics [5.0.1, 6.0.0)", "SkiaSharp [2.88.9, 3.0.0)", "SkiaSharp.NativeAssets.Linux.NoDependencies [2.88.9, 3.0.0)",
            "System.IO.Hashing [8.0.0, 11.0.0)", "TorchSharp [0.107.0, 0.108.0)",
        ];
        CollectionAssert.AreEqual(expected, dependencies, string.Join(", ", dependencies));
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public Task Package_InAProjectOfItsOwn_TrainsSavesLoadsAndPredicts() => UseAsync("net10.0", isSelfContained: false);

    /// <summary>With a runtime that comes as a package: the machine needs none of .NET 8.</summary>
    [TestMethod]
    [TestCategory("Thorough")]
    public Task Package_InAProjectOfNet8_TrainsSavesLoadsAndPredicts() => UseAsync("net8.0", isSelfContained: true);

    private static async Task UseAsync(string framework, bool isSelfContained)
    {
        using TemporaryFolder folder = new();
        string application = Directory.CreateDirectory(folder.File("application")).FullName, images = folder.File("images"), weights = folder.File("weights.pth");
        ColourFolder.Create(images, ColourFolder.Red, ColourFolder.Blue);
        await File.WriteAllBytesAsync(weights, PyTorchFile.ZipThatAnnouncesMoreThanItHas());
        await File.WriteAllTextAsync(Path.Combine(application, "nuget.config"), NuGetConfig(await GlobalPackagesAsync()));
        await File.WriteAllTextAsync(Path.Combine(application, "Application.csproj"), Project(framework, isSelfContained));
        await File.WriteAllTextAsync(Path.Combine(application, "Program.cs"), Program);
        var environment = new Dictionary<string, string?> { ["NUGET_PACKAGES"] = Folder.File("packages") };

        ProcessResult build = await DotNet.RunAsync(["build", "-c", "Release", "-o", folder.File("output"), "-nodeReuse:false"], application, environment, Limit);
        Assert.AreEqual(0, build.ExitCode, build.Output);
        StringAssert.Contains(build.StandardOutput, "0 Warning(s)");
        string program = isSelfContained ? folder.File(OperatingSystem.IsWindows() ? "output/Application.exe" : "output/Application") : "dotnet";
        string[] arguments = [.. isSelfContained ? (string[])[] : ["exec", folder.File("output/Application.dll")], images, folder.File("model.zip"), weights];

        // The compiler lists its instructions for the kernels: with a call for a single operation they would be several times slower.
        environment["DOTNET_JitDisasm"] = "Microsoft.ML.ResNet.Kernels.*:*";
        foreach (string width in Avx512F.IsSupported ? (string[])["the widest", "AVX2"] : ["the widest"])
        {
            string instructions = folder.File($"{width}.txt");
            environment["DOTNET_JitStdOutFile"] = instructions;

            // The names of .NET 8 and of .NET 10.
            environment["DOTNET_EnableAVX512F"] = environment["DOTNET_EnableAVX512"] = width == "AVX2" ? "0" : null;
            ProcessResult run = await DotNet.RunProgramAsync(program, arguments, application, environment);

            Assert.AreEqual(0, run.ExitCode, run.Output);
            string[] lines = run.StandardOutput.Trim().Split(Environment.NewLine);
            Assert.HasCount(3, lines, run.Output);
            StringAssert.StartsWith(lines[0], $".NET {framework[3..^1]}");
            StringAssert.Contains(lines[1], $"Weights file '{weights}' can't be used: ");
            Assert.AreEqual("red", lines[2]);
            StringAssert.Contains(await File.ReadAllTextAsync(folder.File("model.zip.html")), "Confusion matrix");
            AssertOperationsAreInlined(await File.ReadAllTextAsync(instructions), lanes: width == "AVX2" ? 8 : KernelWidth.Lanes);
        }
    }

    private static void AssertOperationsAreInlined(string instructions, int lanes)
    {
        const string start = "; Assembly listing for method ";
        string[] methods = [.. instructions.Split(start).Skip(1).Where(method => !Heading(method).Contains("Tier0", StringComparison.Ordinal))];
        if (KernelWidth.IsSupported)
        {
            Assert.IsTrue(methods.Any(method => Regex.IsMatch(Heading(method), $@"MatrixKernel:Six.*Lanes{lanes}\]")), string.Join("\n", methods.Select(Heading)));
        }

        string[] calls =
        [
            .. methods.SelectMany(method => method.Split('\n').Where(line => Regex.IsMatch(line, @"\bcall\b.*(Lanes\d+:|ILanes)")).Select(line => $"{Heading(method)}: {line.Trim()}"))
        ];
        Assert.IsEmpty(calls, string.Join("\n", calls));

        static string Heading(string method) => method.Split('\n')[0].Trim();
    }

    private const string Program = """
        using Microsoft.ML;
        using Microsoft.ML.ResNet;

        Console.WriteLine(System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription);
        try
        {
            ResNetWeights.FromFile(args[2]);
        }
        catch (InvalidDataException exception)
        {
            Console.WriteLine(exception.Message.ReplaceLineEndings(" "));
        }

        var mlContext = new MLContext(seed: 1);
        IDataView data = mlContext.Data.LoadImageFolder(args[0]);
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.ResNet("Label", "ImagePath", ResNetArchitecture.ResNet20, epochs: 5))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        using (var model = pipeline.Fit(data))
        {
            mlContext.Model.Save(model, data.Schema, args[1]);
            TrainingReport.Write(args[1] + ".html", mlContext, model, data);
        }

        var other = new MLContext();
        ITransformer loaded = other.Model.Load(args[1], out _);
        using var engine = other.Model.CreatePredictionEngine<ImageInput, ImageOutput>(loaded);
        Console.WriteLine(engine.Predict(new ImageInput { ImagePath = Path.Combine(args[0], "red", "05.png") }).PredictedLabel);

        internal sealed class ImageInput
        {
            public string ImagePath { get; set; } = "";

            public string Label { get; set; } = "";
        }

        internal sealed class ImageOutput
        {
            public string PredictedLabel { get; set; } = "";
        }
        """;

    private static string Project(string framework, bool isSelfContained) => $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>{framework}</TargetFramework>
            <ImplicitUsings>enable</ImplicitUsings>
            <UseCurrentRuntimeIdentifier>true</UseCurrentRuntimeIdentifier>
            <SelfContained>{(isSelfContained ? "true" : "false")}</SelfContained>
            <CreateHardLinksForCopyLocalIfPossible>true</CreateHardLinksForCopyLocalIfPossible>
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="Microsoft.ML.ResNet" Version="{Version}" />
            <PackageReference Include="Microsoft.ML.ResNet.Reporting" Version="{Version}" />
            <PackageReference Include="TorchSharp-cpu" Version="0.107.0" />
          </ItemGroup>
        </Project>
        """;

    /// <summary>The folder of the package beside the machine's own sources; what the machine has of other packages is not fetched again.</summary>
    private static string NuGetConfig(string globalPackages) => $"""
        <?xml version="1.0" encoding="utf-8"?>
        <configuration>
          <packageSources>
            <add key="folder" value="{Feed}" />
          </packageSources>
          <fallbackPackageFolders>
            <add key="machine" value="{globalPackages}" />
          </fallbackPackageFolders>
        </configuration>
        """;

    private static async Task<string> GlobalPackagesAsync()
    {
        ProcessResult result = await DotNet.RunAsync(["nuget", "locals", "global-packages", "--list"]);
        Assert.AreEqual(0, result.ExitCode, result.Output);
        return result.StandardOutput[(result.StandardOutput.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
