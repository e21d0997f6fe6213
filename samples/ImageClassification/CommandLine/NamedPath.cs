using System.CommandLine;

namespace ImageClassification.CommandLine;

/// <summary>A file or folder of the command line.</summary>
/// <param name="Option">The option or argument that names it.</param>
/// <param name="Path">The path as it is given.</param>
internal sealed record NamedPath(string Option, string Path)
{
    /// <summary>The paths of those of the options that are given or have a default.</summary>
    public static IEnumerable<NamedPath> Of(ParseResult arguments, params IEnumerable<Option<string?>> options)
        => options.Select(option => (option.Name, Path: arguments.GetValue(option))).Where(item => item.Path is not null).Select(item => new NamedPath(item.Name, item.Path!));

    public override string ToString() => $"{Option} '{Path}'";
}
