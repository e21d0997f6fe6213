namespace Microsoft.ML.ResNet.Images;

/// <summary>What a crop shows beyond the edge of an image.</summary>
internal enum CropBorder
{
    /// <summary>Zeros, which are black where values are not normalised.</summary>
    Black,

    /// <summary>The image mirrored at its outermost pixels, which are not repeated (torchvision's padding_mode "reflect").</summary>
    Reflected,
}
