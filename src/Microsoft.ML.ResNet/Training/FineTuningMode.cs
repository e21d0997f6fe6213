namespace Microsoft.ML.ResNet;

/// <summary>The layers that are trained where training starts from the weights of an earlier training.</summary>
public enum FineTuningMode
{
    /// <summary>
    /// The classifier alone: the network computes the features of each image once, and a classifier is fitted to them to convergence. It
    /// takes seconds, and a few images a class are enough.
    /// </summary>
    HeadOnly,

    /// <summary>All of it, from the first step on, the lower stages at a lower learning rate.</summary>
    Full,

    /// <summary>
    /// First the classifier alone, then all of it: a new classifier's first gradients would spoil what the network knows. The result is the point
    /// between the two, in weight space, that is best on held-out images (Wortsman et al. 2022), which may be the classifier alone.
    /// </summary>
    /// <remarks>
    /// Held out are those of the validation set. Without one, a training set of fewer than 2,000 images is tried first: a fifth of each class is held out, the rest is
    /// trained on, at a fifth of the learning rate too where the first trial gains little, and then all images are trained on as was best, and the weights of the best trial are averaged with those of that training. The trials take up to
    /// 1.6 times the training's own time. Where fewer than 30 images can be held out, the classifier alone is fitted. Of a larger set one image in twenty, at least 200 and
    /// at most 1,000 of them, is held out and not trained on.
    /// </remarks>
    HeadThenFull,
}
