using System.Diagnostics;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>What a process printed and how it ended.</summary>
internal sealed record ProcessResult(int ExitCode, string StandardOutput, string StandardError)
{
    public string Output => StandardOutput + StandardError;
}

/// <summary>Starts programs in processes of their own.</summary>
internal static class DotNet
{
    private static readonly TimeSpan UsualLimit = TimeSpan.FromMinutes(3);

    /// <summary>Runs <c>dotnet</c> with these arguments, in a folder and with added environment variables.</summary>
    /// <param name="limit">The time that it may take; null: three minutes.</param>
    public static Task<ProcessResult> RunAsync(
        IEnumerable<string> arguments, string? workingDirectory = null, IReadOnlyDictionary<string, string?>? environment = null, TimeSpan? limit = null)
        => RunProgramAsync("dotnet", arguments, workingDirectory, environment, limit);

    /// <summary>Runs a program as <see cref="RunAsync"/> runs <c>dotnet</c>.</summary>
    public static async Task<ProcessResult> RunProgramAsync(
        string program, IEnumerable<string> arguments, string? workingDirectory = null, IReadOnlyDictionary<string, string?>? environment = null, TimeSpan? limit = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory ?? RepositoryPaths.Root,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        // Variables by which the test run steers MSBuild and the host must not reach the programs under test.
        foreach (string name in (string[])["MSBuildSDKsPath", "MSBUILD_EXE_PATH", "MSBuildExtensionsPath", "DOTNET_HOST_PATH"])
        {
            start.Environment.Remove(name);
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        using var timeout = new CancellationTokenSource(limit ?? UsualLimit);
        try
        {
            await process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(" ", arguments)} did not end within {(limit ?? UsualLimit).TotalMinutes} minutes.");
        }

        return new ProcessResult(process.ExitCode, await output, await error);
    }
}
