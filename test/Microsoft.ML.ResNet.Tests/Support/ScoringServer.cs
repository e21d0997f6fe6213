using System.Diagnostics;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>The sample ImageScoringApi in a process of its own, listening on a free port.</summary>
internal sealed class ScoringServer : IDisposable
{
    private const string Listening = "Now listening on: ";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private readonly Process _process;
    private readonly List<string> _lines = [];
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ScoringServer(IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("dotnet", [RepositoryPaths.Sample("ImageScoringApi"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Read(line.Data);
        _process.ErrorDataReceived += (_, line) => Read(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public HttpClient Client { get; private set; } = null!;

    /// <summary>What it has printed so far.</summary>
    public string Output
    {
        get
        {
            lock (_lines)
            {
                return string.Join('\n', _lines);
            }
        }
    }

    /// <summary>Starts it with a model and waits until it listens.</summary>
    public static async Task<ScoringServer> StartAsync(string modelPath, params string[] settings)
    {
        var server = new ScoringServer(["--Model", modelPath, "--Urls", "http://127.0.0.1:0", .. settings]);
        try
        {
            server.Client = new HttpClient { BaseAddress = await server._address.Task.WaitAsync(Limit) };
            return server;
        }
        catch (TimeoutException)
        {
            server.Dispose();
            throw new TimeoutException($"The server does not listen: {server.Output}");
        }
    }

    /// <summary>Asks it to stop, as a service manager does, without waiting for that.</summary>
    public void Terminate() => Process.Start("kill", ["-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])!.WaitForExit();

    /// <summary>Waits until it has ended.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Limit);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        Client?.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void Read(string? line)
    {
        if (line is null)
        {
            _address.TrySetException(new InvalidOperationException($"The server ended: {Output}"));
            return;
        }

        lock (_lines)
        {
            _lines.Add(line);
        }

        int at = line.IndexOf(Listening, StringComparison.Ordinal);
        if (at >= 0)
        {
            _address.TrySetResult(new Uri(line[(at + Listening.Length)..].Trim()));
        }
    }
}
