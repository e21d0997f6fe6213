namespace Microsoft.ML.ResNet.Scoring;

/// <summary>What is asked for as <see cref="ScoringBackend"/>, with the environment's answer where nothing is.</summary>
internal static class BackendChoice
{
    public const string Variable = "RESNET_SCORING_BACKEND";

    /// <exception cref="InvalidOperationException">The environment variable is no backend.</exception>
    public static ScoringBackend Resolve(ScoringBackend asked)
    {
        string? text = Environment.GetEnvironmentVariable(Variable)?.Trim();
        if (asked != ScoringBackend.Auto || string.IsNullOrEmpty(text))
        {
            return asked;
        }

        foreach (ScoringBackend backend in Enum.GetValues<ScoringBackend>())
        {
            if (backend.ToString().Equals(text, StringComparison.OrdinalIgnoreCase))
            {
                return backend;
            }
        }

        throw new InvalidOperationException($"The environment variable {Variable} is '{text}', expected auto, kernels or libtorch. Set one of them, or none.");
    }
}
