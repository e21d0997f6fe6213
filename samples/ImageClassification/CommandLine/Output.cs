using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace ImageClassification.CommandLine;

/// <summary>Where a command's results go: to people, and as JSON to programs.</summary>
internal sealed class Output
{
    /// <summary>The path that stands for standard output.</summary>
    public const string StandardOutput = "-";

    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter() },
    };

    private readonly string? _jsonPath;

    /// <param name="jsonPath">Where JSON is written, or null.</param>
    public Output(string? jsonPath)
    {
        _jsonPath = jsonPath;
        IsForPrograms = jsonPath == StandardOutput;
        Text = IsForPrograms ? System.Console.Error : System.Console.Out;
        IsRedirected = IsForPrograms ? System.Console.IsErrorRedirected : System.Console.IsOutputRedirected;
        Console = IsForPrograms ? AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Text) }) : AnsiConsole.Console;
    }

    /// <summary>Whether standard output has the JSON and nothing else.</summary>
    public bool IsForPrograms { get; }

    /// <summary>For people: standard output, or standard error where the JSON has the other.</summary>
    public IAnsiConsole Console { get; }

    /// <summary>The same, for lines that are never wrapped.</summary>
    public TextWriter Text { get; }

    /// <summary>Whether <see cref="Text"/> is no terminal.</summary>
    public bool IsRedirected { get; }

    /// <summary>Writes the results as JSON, where the command line asks for it.</summary>
    public void WriteJson<T>(T results)
    {
        if (_jsonPath == StandardOutput)
        {
            System.Console.Out.WriteLine(JsonSerializer.Serialize(results, Format));
        }
        else if (_jsonPath is not null)
        {
            File.WriteAllText(_jsonPath, JsonSerializer.Serialize(results, Format) + Environment.NewLine);
        }
    }
}
