using System.Diagnostics;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Starts programs by mpiexec, as several processes.</summary>
internal static class MpiJob
{
    /// <summary>Starts <c>mpiexec</c>; the test is inconclusive where there is none.</summary>
    public static Process Start(string workingDirectory, params string[] arguments)
    {
        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/mpiexec"))
        {
            Assert.Inconclusive("There is no mpiexec (Debian: package mpich).");
        }

        return StartProgram("mpiexec", workingDirectory, arguments);
    }

    /// <summary>Starts a program that starts <c>mpiexec</c>.</summary>
    public static Process StartProgram(string program, string workingDirectory, params string[] arguments)
        => Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = workingDirectory })!;

    /// <summary>Runs a job to its end.</summary>
    public static Task<Ended> RunAsync(string workingDirectory, params string[] arguments) => EndAsync(Start(workingDirectory, arguments));

    /// <summary>Waits three minutes for the end of a job.</summary>
    public static async Task<Ended> EndAsync(Process started)
    {
        using Process job = started;
        Task<string> output = job.StandardOutput.ReadToEndAsync(), errors = job.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        try
        {
            await job.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            job.Kill(entireProcessTree: true);
            throw;
        }

        return new Ended(job.ExitCode, $"{await output}{await errors}");
    }

    /// <summary>How a job ended, and what all of its processes wrote.</summary>
    internal sealed record Ended(int ExitCode, string Output);
}
