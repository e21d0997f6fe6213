namespace Microsoft.ML.ResNet.Scoring;

/// <summary>What a step of a pass does.</summary>
internal enum ExecutionStepKind
{
    Convolve,
    MaximumPool,
    Subsample,
}
