namespace Microsoft.ML.ResNet;

/// <summary>How much time a training is worth. <see cref="ResNetTrainer.Options.FromRecipe"/> makes options of it.</summary>
public enum Recipe
{
    /// <summary>A first model, in a minute: to see whether images and labels are good for anything.</summary>
    Fast,

    /// <summary>A good model, in ten minutes at most.</summary>
    Balanced,

    /// <summary>
    /// The best model that a long training gives. It uses the time of <see cref="ResNetTrainer.Options.MaxTrainingTime"/>, which is not limited unless the caller does, and the model
    /// scores each image and its mirror image, in twice the time.
    /// </summary>
    Best,
}
