namespace Microsoft.ML.ResNet;

public sealed partial class ResNetTrainer
{
    public sealed partial class Options
    {
        /// <summary>
        /// Creates options for a training of about the time that a recipe stands for. They are options like others: all can be changed afterwards, and docs/training.md lists what each recipe
        /// sets, and how good its models were.
        /// </summary>
        /// <param name="recipe">How much time the training is worth.</param>
        /// <param name="pretrainedWeights">
        /// The weights to start from, which become <see cref="PretrainedWeights"/>; null: random ones. They decide how far the recipe trains: where <c>Fit</c> is
        /// to start from a fitted model, give <see cref="ResNetWeights.FromTransformer"/> of it here.
        /// </param>
        /// <returns>New options. What the recipe doesn't set has its default.</returns>
        /// <exception cref="ArgumentOutOfRangeException">There is no such recipe.</exception>
        public static Options FromRecipe(Recipe recipe, ResNetWeights? pretrainedWeights = null)
        {
            bool isPretrained = pretrainedWeights is not null;
            return recipe switch
            {
                Recipe.Fast when isPretrained => new Options
                {
                    PretrainedWeights = pretrainedWeights,
                    FineTuning = FineTuningMode.HeadOnly,
                    MaxTrainingTime = TimeSpan.FromMinutes(1),
                },
                Recipe.Fast => new Options
                {
                    Epochs = 70,
                    LearningRateDecay = LearningRateDecay.OneCycle,
                    InitialImageScale = 0.5,
                    MaxTrainingTime = TimeSpan.FromMinutes(1),
                },
                Recipe.Balanced when isPretrained => new Options
                {
                    PretrainedWeights = pretrainedWeights,
                    FineTuning = FineTuningMode.HeadThenFull,
                    Epochs = 10,
                    MaxTrainingTime = TimeSpan.FromMinutes(10),
                },
                Recipe.Balanced => new Options
                {
                    Epochs = 70,
                    LabelSmoothing = 0.1,
                    MaxTrainingTime = TimeSpan.FromMinutes(10),
                },
                Recipe.Best when isPretrained => new Options
                {
                    PretrainedWeights = pretrainedWeights,
                    FineTuning = FineTuningMode.HeadThenFull,
                    Epochs = 24,
                    TestTimeAugmentation = TestTimeAugmentation.HorizontalFlip,
                },
                Recipe.Best => new Options
                {
                    Epochs = 150,
                    LabelSmoothing = 0.1,
                    TestTimeAugmentation = TestTimeAugmentation.HorizontalFlip,
                },
                _ => throw new ArgumentOutOfRangeException(nameof(recipe), recipe, $"Expected one of {string.Join(", ", Enum.GetNames<Recipe>())}."),
            };
        }
    }
}
