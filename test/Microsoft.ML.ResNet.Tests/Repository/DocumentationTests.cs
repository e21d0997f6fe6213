using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Microsoft.ML.ResNet.Tests.Repository;

/// <summary>The C# of the documentation compiles, and its links lead somewhere.</summary>
[TestClass]
public sealed partial class DocumentationTests
{
    /// <summary>What the snippets take for granted, as fields: a snippet's own variable of the same name hides them.</summary>
    private const string Context = """
        internal sealed class ImageInput
        {
            public string ImagePath { get; set; } = "";

            public string Label { get; set; } = "";
        }

        internal sealed class ImageOutput
        {
            public string PredictedLabel { get; set; } = "";

            public float[] Score { get; set; } = [];
        }

        internal static partial class Snippet
        {
            private static readonly MLContext mlContext = new();
            private static readonly IDataView data = null!, trainingData = null!, validationData = null!;
            private static readonly IEstimator<ITransformer> pipeline = null!;
            private static readonly ITransformer model = null!;
            private static readonly string imageFolder = "";
            private static readonly string[] classNames = [];
        }
        """;

    /// <summary>The signatures of AutoML 5 that the documentation names; this repository has no reference to its package.</summary>
    private const string AutoML = """
        namespace Microsoft.ML.SearchSpace
        {
            public sealed class SearchSpace<T>(T defaultOption) where T : class, new()
            {
                public T DefaultOption => defaultOption;

                public ICollection<string> Keys => [];

                public bool Remove(string key) => false;
            }
        }

        namespace Microsoft.ML.AutoML
        {
            public class SweepableEstimator
            {
            }

            public sealed class AutoCatalog
            {
                public SweepableEstimator CreateSweepableEstimator<T>(Func<MLContext, T, IEstimator<ITransformer>> factory, Microsoft.ML.SearchSpace.SearchSpace<T>? ss = null) where T : class, new() => new();
            }

            public static class AutoMLExtension
            {
                public static AutoCatalog Auto(this MLContext mlContext) => new();
            }
        }
        """;

    // The implicit usings of a console project, and the two namespaces that the README's first snippet names.
    private const string Usings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http; "
        + "global using System.Threading; global using System.Threading.Tasks; global using Microsoft.ML; global using Microsoft.ML.Data; global using Microsoft.ML.ResNet;";

    private static readonly string[] Documents =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", .. Directory.GetFiles(Path.Combine(RepositoryPaths.Root, "docs"), "*.md").Select(file => Path.Combine("docs", Path.GetFileName(file))), .. Directory.GetDirectories(Path.Combine(RepositoryPaths.Root, "samples")).Select(folder => Path.Combine("samples", Path.GetFileName(folder), "README.md")).Where(file => File.Exists(Path.Combine(RepositoryPaths.Root, file)))];

    [TestMethod]
    public void Snippets_AllCompile()
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path)).ToArray();
        List<string> faults = [];
        int count = 0;
        foreach (string document in Documents)
        {
            string text = ReadDocument(document);
            foreach (Match match in CSharpBlock().Matches(text))
            {
                count++;
                int line = text.AsSpan(0, match.Groups[1].Index).Count('\n') + 1;
                faults.AddRange(Compile(match.Groups[1].Value, references).Select(fault => $"{document}, snippet at line {line}: {fault}"));
            }
        }

        Assert.IsEmpty(faults, string.Join("\n", faults));
        Assert.IsGreaterThan(10, count);
    }

    [TestMethod]
    public void Compile_SnippetWithAFault_IsFound()
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path)).ToArray();

        string[] faults = [.. Compile("var trainer = mlContext.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options { Epoch = 3 });", references)];

        StringAssert.Contains(faults.Single(), "'ResNetTrainer.Options' does not contain a definition for 'Epoch'");
    }

    [TestMethod]
    public void Links_OfTheDocuments_LeadToFilesAndHeadings()
    {
        List<string> faults = [];
        foreach (string document in Documents)
        {
            string text = ReadDocument(document);
            string folder = Path.GetDirectoryName(Path.Combine(RepositoryPaths.Root, document))!;
            foreach (Match match in Link().Matches(text))
            {
                string target = match.Groups[1].Value;
                if (!IsThere(target, text, folder))
                {
                    faults.Add($"{document}: {target}");
                }
            }
        }

        Assert.IsEmpty(faults, string.Join("\n", faults));
    }

    [TestMethod]
    public void Readme_IsShort()
        => Assert.IsLessThanOrEqualTo(200, ReadDocument("README.md").Count(character => character == '\n'), "Details belong in docs/.");

    [TestMethod]
    public void OptionsTable_OfTheDocuments_NamesEveryOptionOfTraining()
    {
        string document = ReadDocument(Path.Combine("docs", "training.md"));
        string table = $"{document}\n## ";
        table = table[table.IndexOf("\n## Options", StringComparison.Ordinal)..];
        table = table[..table.IndexOf("\n## ", 1, StringComparison.Ordinal)];
        string[] missing = [.. typeof(ResNetTrainer.Options).GetProperties().Where(property => property.GetMethod is { IsStatic: false } && !table.Contains($"`{property.Name}`", StringComparison.Ordinal)).Select(property => property.Name)];

        Assert.IsEmpty(missing, string.Join(", ", missing));
    }

    private static bool IsThere(string target, string text, string folder)
    {
        if (target.StartsWith("https://", StringComparison.Ordinal))
        {
            return true;
        }

        string[] parts = target.Split('#');
        string file = Path.Combine(folder, parts[0]);
        if (parts[0].Length > 0 && !Path.Exists(file))
        {
            return false;
        }

        string document = parts[0].Length == 0 ? text : parts.Length > 1 ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        return parts.Length == 1 || Heading().Matches(document).Any(heading => Anchor(heading.Groups[1].Value) == parts[1]);
    }

    /// <summary>Compiles a snippet as the body of a method.</summary>
    private static IEnumerable<string> Compile(string snippet, IEnumerable<MetadataReference> references)
    {
        string[] lines = snippet.Split('\n');
        string usings = string.Join('\n', lines.Where(IsUsing));
        string body = string.Join('\n', lines.Where(line => !IsUsing(line)));
        string source = $"{usings}\ninternal static partial class Snippet {{ internal static void Run() {{ {body} }} }}";
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Snippet",
            [CSharpSyntaxTree.ParseText(Usings, options), CSharpSyntaxTree.ParseText(Context, options), CSharpSyntaxTree.ParseText(AutoML, options), CSharpSyntaxTree.ParseText(source, options)],
            references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        return compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Select(diagnostic => diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture));
    }

    private static bool IsUsing(string line) => UsingDirective().IsMatch(line);

    private static string ReadDocument(string document) => File.ReadAllText(Path.Combine(RepositoryPaths.Root, document)).ReplaceLineEndings("\n");

    /// <summary>The anchor that GitHub gives a heading.</summary>
    private static string Anchor(string heading) => NoAnchor().Replace(heading.Trim().ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CSharpBlock();

    [GeneratedRegex(@"^using [\w.]+;\r?$")]
    private static partial Regex UsingDirective();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#+ (.*)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NoAnchor();
}
