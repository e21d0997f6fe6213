namespace Microsoft.ML.ResNet.Images;

/// <summary>What a resize computes along one axis, and all that its coefficients depend on.</summary>
/// <param name="OriginalLength">Pixels that the original has along the axis.</param>
/// <param name="Start">Where the box begins in the original.</param>
/// <param name="Length">Length of the box in the original.</param>
/// <param name="TargetLength">Pixels that the box becomes.</param>
/// <param name="BufferLength">Pixels that there are: the original's, or those of a part or a smaller copy of it.</param>
internal readonly record struct ResampleAxis(int OriginalLength, double Start, double Length, int TargetLength, int BufferLength)
{
    /// <summary>Pixels of the buffer for one pixel of the original.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Where the original begins in the buffer.</summary>
    public double Offset { get; init; }

    /// <summary>Whether the target runs backwards.</summary>
    public bool Mirror { get; init; }
}
