namespace Microsoft.ML.ResNet;

/// <summary>How the learning rate falls after warm-up.</summary>
public enum LearningRateDecay
{
    /// <summary>Along half a cosine to zero (Loshchilov and Hutter 2016, without restarts).</summary>
    Cosine,

    /// <summary>By a factor at each milestone (He et al. 2015, section 4.2: by ten, at one half and three quarters).</summary>
    Step,

    /// <summary>Not at all.</summary>
    Constant,

    /// <summary>
    /// Up along half a cosine from a twenty-fifth for three tenths of the steps, then down along another to almost zero (Smith and Topin
    /// 2017; numbers and shape as PyTorch's OneCycleLR). The momentum stays as it is.
    /// </summary>
    OneCycle,
}
