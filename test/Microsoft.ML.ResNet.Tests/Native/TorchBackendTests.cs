using System.Text.Json;

namespace Microsoft.ML.ResNet.Tests.Native;

/// <summary>The property TorchBackend decides the native package of samples, tests and benchmarks.</summary>
[TestClass]
public sealed class TorchBackendTests
{
    [TestMethod]
    [TestCategory("Thorough")]
    [DataRow("", "TorchSharp-cpu")]
    [DataRow("-p:TorchBackend=cpu", "TorchSharp-cpu")]
    [DataRow("-p:TorchBackend=cuda-windows", "TorchSharp-cuda-windows")]
    [DataRow("-p:TorchBackend=cuda-linux", "TorchSharp-cuda-linux")]
    public async Task TorchBackend_ChoosesThePackage(string argument, string expected)
    {
        ProcessResult result = await DotNet.RunAsync(
            ["msbuild", RepositoryPaths.SampleProject("ImageClassification"), "-getItem:PackageReference", .. argument.Length > 0 ? [argument] : Array.Empty<string>()]);

        Assert.AreEqual(0, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        string[] packages = [.. document.RootElement.GetProperty("Items").GetProperty("PackageReference").EnumerateArray().Select(item => item.GetProperty("Identity").GetString()!)];
        CollectionAssert.AreEqual(new[] { expected }, packages.Where(package => package.StartsWith("TorchSharp", StringComparison.Ordinal)).ToArray());
    }

    [TestMethod]
    public async Task TorchBackend_Unknown_IsAnError()
    {
        ProcessResult result = await DotNet.RunAsync(["msbuild", RepositoryPaths.SampleProject("ImageClassification"), "-t:ValidateTorchBackend", "-p:TorchBackend=rocm"]);

        Assert.AreNotEqual(0, result.ExitCode);
        StringAssert.Contains(result.Output, "TorchBackend is 'rocm'. Expected cpu, cuda-windows or cuda-linux.");
    }
}
