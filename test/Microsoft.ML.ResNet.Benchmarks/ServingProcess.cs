using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>The sample ImageScoringApi as a process of its own, with a model.</summary>
internal sealed class ServingProcess : IDisposable
{
    private const string Listening = "Now listening on: ";
    private readonly Process _process;

    public ServingProcess(string modelPath, params string[] settings)
    {
        var start = new ProcessStartInfo("dotnet", [Application(), "--Model", modelPath, "--Urls", "http://127.0.0.1:0", .. settings]) { RedirectStandardOutput = true };
        _process = Process.Start(start)!;
        string? line;
        do
        {
            line = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The application ended before it listened.");
        }
        while (!line.Contains(Listening, StringComparison.Ordinal));
        Address = new Uri(line[(line.IndexOf(Listening, StringComparison.Ordinal) + Listening.Length)..].Trim());

        // A pipe that nobody reads stops the application when it is full.
        _ = _process.StandardOutput.ReadToEndAsync();
    }

    public Uri Address { get; }

    /// <summary>The memory that is resident, in megabytes.</summary>
    public double Megabytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64 / 1e6;
        }
    }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private static string Application()
    {
        string output = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        string marker = string.Create(CultureInfo.InvariantCulture, $"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}");
        string below = output[output.LastIndexOf(marker, StringComparison.Ordinal)..];
        for (DirectoryInfo? folder = new(output); folder is not null; folder = folder.Parent)
        {
            string path = Path.Join(folder.FullName, "samples", "ImageScoringApi", below, "ImageScoringApi.dll");
            if (File.Exists(path))
            {
                return path;
            }
        }

        throw new FileNotFoundException("The sample ImageScoringApi was not built. Build the solution in the same configuration.");
    }
}
