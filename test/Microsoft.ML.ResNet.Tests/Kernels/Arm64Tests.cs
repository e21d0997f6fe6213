using System.Diagnostics;

namespace Microsoft.ML.ResNet.Tests.Kernels;

/// <summary>The tests of the kernels on the instructions of Arm64, under QEMU's emulation of a processor.</summary>
[TestClass]
public sealed class Arm64Tests
{
    private const string Libraries = "/usr/aarch64-linux-gnu";

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task EveryKernelTest_OnArm64_Passes()
    {
        string? emulator = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "qemu-aarch64")).FirstOrDefault(File.Exists);
        if (emulator is null || !File.Exists(Path.Combine(Libraries, "lib", "libstdc++.so.6")))
        {
            Assert.Inconclusive("There is no qemu-aarch64 with Arm64's C++ library here: the packages qemu-user and libstdc++6-arm64-cross.");
        }

        using var folder = new TemporaryFolder();
        ProcessResult published = await DotNet.RunAsync(
            ["publish", "test/Microsoft.ML.ResNet.Arm64Checks", "-c", "Release", "-r", "linux-arm64", "--self-contained", "--artifacts-path", folder.File("artifacts"), "-o", folder.File("app")]);
        if (published.ExitCode != 0 && published.Output.Contains("NU1101", StringComparison.Ordinal))
        {
            Assert.Inconclusive($"The package source has no .NET for linux-arm64: {published.Output}");
        }

        Assert.AreEqual(0, published.ExitCode, published.Output);
        var start = new ProcessStartInfo(emulator, ["-L", Libraries, folder.File("app/Microsoft.ML.ResNet.Arm64Checks")]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(10));
        await process.WaitForExitAsync(limit.Token);

        string text = await output + await error;
        Assert.AreEqual(0, process.ExitCode, text);
        StringAssert.Matches(text, new("Arm64, 4 lanes: [1-9][0-9]+ passed, 0 failed"));
    }
}
