using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The cells of the notebook, one after the other, as Polyglot Notebooks run them.</summary>
[TestClass]
public sealed partial class NotebookTests
{
    private static readonly string[] s_usings = ["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Threading.Tasks"];

    [TestMethod]
    [DoNotParallelize]
    public async Task Notebook_OnAFolder_TrainsTestsAndKeepsTheModel()
    {
        // The cells write for people, in their culture.
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        using var folder = new TemporaryFolder();
        ColourFolder.Create(folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        string[] cells = CodeCells(await File.ReadAllTextAsync(Path.Combine(RepositoryPaths.Root, "samples", "notebook", "flowers.dib")));
        Assert.HasCount(5, cells);
        TextWriter console = Console.Out;
        string before = Directory.GetCurrentDirectory();
        using var output = new StringWriter();
        try
        {
            Console.SetOut(output);
            Directory.SetCurrentDirectory(folder.Path);
            ScriptState<object>? state = null;
            foreach (string cell in cells)
            {
                string code = PackageDirective().Replace(cell, "").Replace("\"flowers\"", "\"images\"", StringComparison.Ordinal);
                state = state is null ? await CSharpScript.RunAsync(code, Options()) : await state.ContinueWithAsync(code);
            }
        }
        finally
        {
            Console.SetOut(console);
            Directory.SetCurrentDirectory(before);
        }

        string text = output.ToString();
        StringAssert.Contains(text, "red: 12 pictures");
        StringAssert.Contains(text, "Confusion table");
        StringAssert.Matches(text, AccuracyLine());
        Assert.IsTrue(File.Exists(folder.File("model.zip")));
        StringAssert.Contains(await File.ReadAllTextAsync(folder.File("report.html")), "<h1>Flowers</h1>");
    }

    private static string[] CodeCells(string notebook)
        => [.. Cell().Split(notebook.ReplaceLineEndings("\n")).Where(cell => cell.StartsWith("csharp\n", StringComparison.Ordinal)).Select(cell => cell["csharp\n".Length..])];

    private static ScriptOptions Options() => ScriptOptions.Default
        .WithImports(s_usings)
        .WithReferences(((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path)));

    [GeneratedRegex("^#!(?=(?:csharp|markdown|meta)\n)", RegexOptions.Multiline)]
    private static partial Regex Cell();

    [GeneratedRegex("^#[ri] \"nuget:.*\"$", RegexOptions.Multiline)]
    private static partial Regex PackageDirective();

    [GeneratedRegex(@"Accuracy \d+\.\d\s?%, log-loss \d\.\d{3}")]
    private static partial Regex AccuracyLine();
}
