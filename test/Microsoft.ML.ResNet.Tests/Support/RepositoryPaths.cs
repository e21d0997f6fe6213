using System.Reflection;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Where the repository and the programs that its build made are; the build writes it into the test assembly.</summary>
internal static class RepositoryPaths
{
    public static string Root => Metadata("RepositoryRoot");

    /// <summary>Debug or Release, as the tests were built.</summary>
    public static string Configuration => Metadata("Configuration");

    public static string SampleProject(string name) => Path.Combine(Root, "samples", name, $"{name}.csproj");

    /// <summary>The built assembly of a sample.</summary>
    public static string Sample(string name) => Program("samples", name);

    /// <summary>The built assembly of the sample that is the command-line tool, too.</summary>
    public static string Tool => Program("samples", "ImageClassification", "resnet");

    /// <summary>The built assembly of a program that tests start.</summary>
    /// <param name="folder">The folder of its project's folder.</param>
    /// <param name="assembly">The assembly's name; null: the project's.</param>
    public static string Program(string folder, string name, string? assembly = null)
    {
        string path = Path.Combine(Root, folder, name, Metadata("OutputPath"), $"{assembly ?? name}.dll");
        return File.Exists(path) ? path : throw new FileNotFoundException($"The program '{name}' was not built where it was expected: {path}.");
    }

    private static string Metadata(string key)
        => typeof(RepositoryPaths).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
