using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The command-line tool as <c>dotnet pack</c> makes it, installed from a folder for a user who has nothing else.</summary>
[TestClass]
public sealed class ToolPackageTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task Tool_InstalledFromAFolder_TrainsAndPredicts()
    {
        using var folder = new TemporaryFolder();
        string feed = folder.File("feed"), home = Directory.CreateDirectory(folder.File("home")).FullName, work = Directory.CreateDirectory(folder.File("work")).FullName;
        string version = $"0.1.0-test.{DateTime.UtcNow.Ticks}", system = RuntimeInformation.RuntimeIdentifier;
        ColourFolder.Create(Path.Combine(work, "pictures"), ColourFolder.Red, ColourFolder.Blue);

        ProcessResult pack = await DotNet.RunAsync(
            ["pack", Path.GetDirectoryName(RepositoryPaths.SampleProject("ImageClassification"))!, "-c", RepositoryPaths.Configuration, "-o", feed, $"-p:PackageVersion={version}", $"-p:ToolPackageRuntimeIdentifiers={system}", "-nodeReuse:false"],
            limit: Limit);
        Assert.AreEqual(0, pack.ExitCode, pack.Output);
        using (ZipArchive package = await ZipFile.OpenReadAsync(Path.Combine(feed, $"resnet.{system}.{version}.nupkg")))
        {
            string[] names = [.. package.Entries.Select(entry => entry.FullName)];
            foreach (string expected in (string[])["README.md", "THIRD-PARTY-NOTICES.txt", "licenses/libtorch/LICENSE-LIBTORCH.txt", "licenses/onnxruntime/LICENSE"])
            {
                CollectionAssert.Contains(names, expected);
            }

            Assert.AreEqual(1, names.Count(name => name.EndsWith("/ResNet18.onnx", StringComparison.Ordinal)));
            Assert.DoesNotContain("ReferencePublicizer", string.Join("\n", names));
        }

        // Another home: no settings, no caches and no packages of this machine.
        var environment = new Dictionary<string, string?>
        {
            ["HOME"] = home,
            ["DOTNET_CLI_HOME"] = home,
            ["NUGET_PACKAGES"] = null,
            ["DOTNET_NOLOGO"] = "1",
        };
        ProcessResult install = await DotNet.RunAsync(["tool", "install", "--global", "resnet", "--version", version, "--source", feed], work, environment, Limit);
        Assert.AreEqual(0, install.ExitCode, install.Output);
        string tool = Path.Combine(home, ".dotnet", "tools", OperatingSystem.IsWindows() ? "resnet.exe" : "resnet");

        ProcessResult help = await RunAsync(tool, work, environment);
        Assert.AreEqual(0, help.ExitCode, help.Output);
        StringAssert.Contains(help.StandardOutput, "find-lr");
        ProcessResult nothing = await RunAsync(tool, work, environment, "train");
        Assert.AreEqual(2, nothing.ExitCode, nothing.Output);
        Assert.AreEqual("--images is missing, expected a folder with a sub-folder of images for each class.", nothing.StandardError.Trim());

        ProcessResult train = await RunAsync(tool, work, environment, "train", "--images", "pictures", "--pretrained", "--fine-tuning", "HeadOnly");
        Assert.AreEqual(0, train.ExitCode, train.Output);
        StringAssert.Contains(train.StandardOutput, "resnet predict --model model.zip IMAGE...");
        Assert.IsTrue(File.Exists(Path.Combine(work, "report.html")));
        ProcessResult predict = await RunAsync(tool, work, environment, "predict", Path.Combine("pictures", ColourFolder.Red));
        Assert.AreEqual(0, predict.ExitCode, predict.Output);
        Assert.AreEqual(12, predict.StandardOutput.Split('\n').Count(line => line.Contains($": {ColourFolder.Red} ", StringComparison.Ordinal)), predict.StandardOutput);
    }

    private static Task<ProcessResult> RunAsync(string program, string folder, IReadOnlyDictionary<string, string?> environment, params string[] arguments)
        => DotNet.RunProgramAsync(program, arguments, folder, environment, Limit);
}
