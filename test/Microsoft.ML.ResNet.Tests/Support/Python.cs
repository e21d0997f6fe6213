using System.ComponentModel;
using System.Diagnostics;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>
/// Python with packages that some tests compare with: the system's (Debian's python3-onnx, python3-torch, python3-torchvision), or the one
/// that the environment variable RESNET_PYTHON names. Tests are skipped where a package is missing.
/// </summary>
internal static class Python
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static string Executable
        => Environment.GetEnvironmentVariable("RESNET_PYTHON") is { Length: > 0 } path ? path : File.Exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

    /// <summary>Runs a script.</summary>
    /// <param name="script">The script.</param>
    /// <param name="packages">What the script imports; where one is missing, the calling test ends here as skipped.</param>
    /// <param name="arguments">The script's arguments.</param>
    /// <returns>What it printed.</returns>
    public static async Task<string> RunAsync(string script, string[] packages, params string[] arguments)
    {
        string missing = await MissingAsync(packages);
        if (missing.Length > 0)
        {
            Assert.Inconclusive($"{missing} Install {string.Join(", ", packages.Select(package => $"python3-{package}"))}, or name a Python that has them in RESNET_PYTHON.");
        }

        ProcessResult result = await StartAsync(["-c", script, .. arguments]);
        Assert.AreEqual(0, result.ExitCode, result.Output);
        return result.StandardOutput;
    }

    private static async Task<string> MissingAsync(string[] packages)
    {
        try
        {
            // Looked for, not imported: that takes seconds.
            ProcessResult result = await StartAsync(["-c", "import sys, importlib.util; print(*(name for name in sys.argv[1:] if not importlib.util.find_spec(name)))", .. packages]);
            return result.ExitCode != 0 ? result.StandardError : result.StandardOutput.Trim() is { Length: > 0 } missing ? $"{Executable} lacks {missing}." : "";
        }
        catch (Win32Exception exception)
        {
            return $"There is no {Executable}: {exception.Message}.";
        }
    }

    private static async Task<ProcessResult> StartAsync(string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(Executable, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{Executable} did not end within {Limit.TotalMinutes} minutes.");
        }

        return new ProcessResult(process.ExitCode, await output, await error);
    }
}
