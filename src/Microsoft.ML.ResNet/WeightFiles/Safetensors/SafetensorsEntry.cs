namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DType">Its element type as the format names it: <c>F32</c>, <c>I64</c>.</param>
/// <param name="Shape">Its dimensions, none for a scalar.</param>
/// <param name="Begin">The offset of its first byte in the data that follows the header.</param>
/// <param name="End">The offset behind its last byte.</param>
internal sealed record SafetensorsEntry(string Name, string DType, IReadOnlyList<long> Shape, long Begin, long End)
{
    public long ByteCount => End - Begin;
}
