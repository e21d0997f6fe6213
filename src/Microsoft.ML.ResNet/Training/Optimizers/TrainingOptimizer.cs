
namespace Microsoft.ML.ResNet;

/// <summary>The rule by which gradients change weights.</summary>
public enum TrainingOptimizer
{
    /// <summary>Stochastic gradient descent with momentum, as He et al. 2015 train.</summary>
    Sgd,

    /// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2017). It wants a learning rate of about 0.001.</summary>
    AdamW,
}
