namespace Microsoft.ML.ResNet.Images;

/// <summary>What a resize computes along one axis, and what its coefficients depend on.</summary>
/// <param name="SourceLength">Pixels that the source has along the axis.</param>
/// <param name="Start">Where the box begins in the source.</param>
/// <param name="Length">Length of the box in the source.</param>
/// <param name="TargetLength">Pixels that the box becomes.</param>
/// <param name="Mirror">Whether the target runs backwards.</param>
internal readonly record struct ResampleAxis(int SourceLength, double Start, double Length, int TargetLength, bool Mirror);
