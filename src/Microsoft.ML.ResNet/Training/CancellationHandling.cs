namespace Microsoft.ML.ResNet;

/// <summary>What <c>Fit</c> does when it is cancelled while it trains.</summary>
public enum CancellationHandling
{
    /// <summary>It throws an <see cref="OperationCanceledException"/>.</summary>
    Throw,

    /// <summary>It returns the best model so far: of the best epoch where there is a validation set, else with the weights of the latest step.</summary>
    ReturnBest,
}
