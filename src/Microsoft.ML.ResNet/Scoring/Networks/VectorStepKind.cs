namespace Microsoft.ML.ResNet.Scoring;

/// <summary>What a step of a pass does.</summary>
internal enum VectorStepKind
{
    Convolve,
    MaximumPool,
    Subsample,
}
