
namespace Microsoft.ML.ResNet.Datasets;

/// <summary>What a feature column holds.</summary>
internal enum FeatureKind
{
    /// <summary>The path of an image file.</summary>
    Path,

    /// <summary>The pixels themselves, as a vector of Single.</summary>
    Pixels,

    /// <summary>The bytes of an image file.</summary>
    EncodedBytes,

    /// <summary>A decoded image.</summary>
    Image,
}
