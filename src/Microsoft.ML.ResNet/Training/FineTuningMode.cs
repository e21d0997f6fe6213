namespace Microsoft.ML.ResNet;

/// <summary>What is trained of a network that begins with weights of an earlier training.</summary>
public enum FineTuningMode
{
    /// <summary>
    /// The classifier alone: the network computes the features of each image once, and a classifier is fitted to them to convergence. It
    /// takes seconds, and a few images a class are enough.
    /// </summary>
    HeadOnly,

    /// <summary>All of it, from the first step on, the lower stages at a lower learning rate.</summary>
    Full,

    /// <summary>First the classifier alone, then all of it: a new classifier's first gradients would spoil what the network knows.</summary>
    HeadThenFull,
}
