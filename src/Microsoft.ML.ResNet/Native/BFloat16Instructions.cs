namespace Microsoft.ML.ResNet.Native;

/// <summary>A CPU's instructions for bfloat16.</summary>
internal enum BFloat16Instructions
{
    /// <summary>None that oneDNN uses.</summary>
    None,

    /// <summary>Products of vectors: AVX512-BF16.</summary>
    Vectors,

    /// <summary>Products of matrices: AMX.</summary>
    Matrices,
}
