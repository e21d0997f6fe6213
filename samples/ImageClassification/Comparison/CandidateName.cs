namespace ImageClassification.Comparison;

/// <summary>What is compared; the names that <c>--candidates</c> takes.</summary>
internal enum CandidateName
{
    PixelsSdca,
    PixelsLightGbm,
    OnnxSdca,
    OnnxLightGbm,
    FeaturesSdca,
    FeaturesLightGbm,
    HeadOnly,
    HeadThenFull,
    Scratch,
}
