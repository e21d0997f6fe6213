using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>The same training steps in Python, where Debian's python3-torch and python3-torchvision are installed.</summary>
internal static class PythonPeer
{
    private const string Python = "/usr/bin/python3";

    private static readonly string s_script = Path.Combine(AppContext.BaseDirectory, "peers", "time_training.py");

    public static bool IsThere { get; } = File.Exists(Python) && Run(["-c", "import torch, torchvision"]) is not null;

    /// <summary>The steps of a training on ready tensors, channels-last, float32, after a first one.</summary>
    public static double ImagesPerSecond(ResNetArchitecture architecture, int batch, int batches)
    {
        string output = Run([s_script, "--network", architecture.ToString().ToLowerInvariant(), "--batch", $"{batch}", "--steps", $"{batches}"])
            ?? throw new InvalidOperationException($"{s_script} failed.");
        return double.Parse(output, CultureInfo.InvariantCulture);
    }

    /// <summary>The output, or null where the script failed.</summary>
    private static string? Run(string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output.Trim() : null;
    }
}
