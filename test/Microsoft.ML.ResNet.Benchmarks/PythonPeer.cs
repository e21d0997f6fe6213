using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>The same training steps in Python, where Debian's python3-torch and python3-torchvision are installed.</summary>
internal static class PythonPeer
{
    private const string Python = "/usr/bin/python3";

    private const string Gigabyte = "1073741824";

    /// <summary>What glibc's malloc does in a process that has loaded this library, too; without it PyTorch's steps take up to 1.6 times as long.</summary>
    private static readonly string[] s_keepFreedMemory = ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"];

    private static readonly string s_script = Path.Combine(AppContext.BaseDirectory, "peers", "time_training.py");

    public static bool IsThere { get; } = File.Exists(Python) && Run(["-c", "import torch, torchvision"]) is not null;

    /// <summary>The steps of a training on ready tensors, channels-last, float32, after a first one, with as many threads as this library's kernels take.</summary>
    public static double ImagesPerSecond(ResNetArchitecture architecture, int batch, int batches)
    {
        string output = Run([s_script, "--network", architecture.ToString().ToLowerInvariant(), "--batch", $"{batch}", "--steps", $"{batches}", "--threads", $"{BenchmarkThreads.Count}"])
            ?? throw new InvalidOperationException($"{s_script} failed.");
        return double.Parse(output, CultureInfo.InvariantCulture);
    }

    /// <summary>The output, or null where the script failed.</summary>
    private static string? Run(string[] arguments)
    {
        var start = new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string setting in s_keepFreedMemory)
        {
            start.Environment[setting] = Gigabyte;
        }

        using Process process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output.Trim() : null;
    }
}
