namespace Microsoft.ML.ResNet.Tests;

/// <summary>A type and the types of its own assembly that it refers to.</summary>
/// <param name="Name">With its namespace.</param>
/// <param name="File">Its source file, or one of them.</param>
/// <param name="References">Names.</param>
internal sealed record ReferringType(string Name, string File, IReadOnlyList<string> References);
