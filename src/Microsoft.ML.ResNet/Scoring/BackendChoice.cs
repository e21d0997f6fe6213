namespace Microsoft.ML.ResNet.Scoring;

/// <summary>What is asked for as <see cref="ScoringBackend"/>, with the environment's answer where nothing is.</summary>
internal static class BackendChoice
{
    public const string Variable = "RESNET_SCORING_BACKEND";

    /// <exception cref="InvalidOperationException">The environment variable is no backend.</exception>
    public static ScoringBackend Resolve(ScoringBackend asked)
    {
        string? text = Environment.GetEnvironmentVariable(Variable);
        if (asked != ScoringBackend.Auto || string.IsNullOrWhiteSpace(text))
        {
            return asked;
        }

        return Enum.TryParse(text.Trim(), ignoreCase: true, out ScoringBackend backend) && Enum.IsDefined(backend) && !char.IsAsciiDigit(text.Trim()[0])
            ? backend
            : throw new InvalidOperationException($"The environment variable {Variable} is '{text}', expected auto, kernels or libtorch. Set one of them, or none.");
    }
}
