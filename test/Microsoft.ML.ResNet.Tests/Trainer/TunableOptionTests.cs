namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>The search space as plain data.</summary>
[TestClass]
public sealed class TunableOptionTests
{
    [TestMethod]
    public void SearchSpace_LearningRate_HasWhatTheAnnotationSays()
    {
        TunableOption option = Find("LearningRate");

        Assert.AreEqual(TunableOptionKind.Number, option.Kind);
        Assert.AreEqual(0.05, option.Default);
        Assert.AreEqual(1e-6, option.Minimum);
        Assert.AreEqual(10, option.Maximum);
        Assert.IsTrue(option.IsLogScale);
        Assert.IsEmpty(option.Choices);
    }

    [TestMethod]
    public void SearchSpace_Optimizer_HasItsChoices()
    {
        TunableOption option = Find("Optimizer");

        Assert.AreEqual(TunableOptionKind.Choice, option.Kind);
        Assert.AreEqual(TrainingOptimizer.Sgd, option.Default);
        CollectionAssert.AreEqual(new object[] { TrainingOptimizer.Sgd, TrainingOptimizer.AdamW }, option.Choices.ToArray());
        Assert.IsNull(option.Minimum);
        Assert.IsFalse(option.IsLogScale);
    }

    [TestMethod]
    public void ToString_NumberAndChoice_SpellBoundsAndChoicesOut()
    {
        Assert.AreEqual(
            "TunableOption { Name = LearningRate, Kind = Number, Default = 0.05, IsChosenByTrainer = True, Minimum = 1E-06, Maximum = 10, IsLogScale = True }",
            Find("LearningRate").ToString());
        Assert.AreEqual(
            "TunableOption { Name = Optimizer, Kind = Choice, Default = Sgd, IsChosenByTrainer = False, Choices = [Sgd, AdamW] }",
            Find("Optimizer").ToString());
    }

    [TestMethod]
    public void SearchSpace_Names_AreSortedAndOfProperties()
    {
        string[] names = [.. ResNetTrainer.Options.SearchSpace.Select(option => option.Name)];

        CollectionAssert.AreEqual(names.Order(StringComparer.Ordinal).ToArray(), names);
        CollectionAssert.IsSubsetOf(new[] { "Augmentation", "BatchSize", "Epochs", "LearningRate", "Momentum", "WeightDecay" }, names);
    }

    [TestMethod]
    public void At_Ends_AreTheBoundsAndApplicable()
    {
        var options = new ResNetTrainer.Options();
        foreach (TunableOption option in ResNetTrainer.Options.SearchSpace)
        {
            foreach (double position in (double[])[0, 0.3, 1])
            {
                object value = option.At(position);
                option.Apply(options, value);
                Assert.AreEqual(value, typeof(ResNetTrainer.Options).GetProperty(option.Name)!.GetValue(options), option.Name);
                options.Validate();
            }

            Assert.AreEqual(option.Kind == TunableOptionKind.Choice ? option.Choices[^1] : option.Maximum, option.Kind == TunableOptionKind.Integer ? Convert.ToDouble(option.At(1)) : option.At(1), option.Name);
        }
    }

    [TestMethod]
    public void At_LogScale_HasFactorsAsSteps()
    {
        TunableOption option = Find("LearningRate") with { Minimum = 1e-3, Maximum = 1e-1 };

        Assert.AreEqual(1e-2, (double)option.At(0.5), 1e-12);
        Assert.AreEqual(10, Find("Epochs").At(0.25));
    }

    [TestMethod]
    public void Default_OfEach_IsTheTrainersOwnUnlessTheTrainerChooses()
    {
        var options = new ResNetTrainer.Options();
        foreach (TunableOption option in ResNetTrainer.Options.SearchSpace)
        {
            object? own = typeof(ResNetTrainer.Options).GetProperty(option.Name)!.GetValue(options);
            Assert.AreEqual(own is null, option.IsChosenByTrainer, option.Name);
            if (own is not null)
            {
                Assert.AreEqual(own, option.Default, option.Name);
            }
        }

        Assert.IsTrue(Find("LearningRate").IsChosenByTrainer);
        Assert.IsTrue(Find("WeightDecay").IsChosenByTrainer);
        Assert.IsFalse(Find("Momentum").IsChosenByTrainer);
    }

    [TestMethod]
    public void Apply_DefaultOfEach_LeavesTheDefaults()
    {
        var options = new ResNetTrainer.Options();
        foreach (TunableOption option in ResNetTrainer.Options.SearchSpace)
        {
            object? before = typeof(ResNetTrainer.Options).GetProperty(option.Name)!.GetValue(options);
            option.Apply(options, option.Default);
            Assert.AreEqual(before ?? option.Default, typeof(ResNetTrainer.Options).GetProperty(option.Name)!.GetValue(options), option.Name);
        }
    }

    [TestMethod]
    [DataRow("LearningRate", "0.003", 0.003)]
    [DataRow("LearningRate", 1, 1.0)]
    [DataRow("Epochs", 5.0, 5)]
    [DataRow("Epochs", "12", 12)]
    [DataRow("Optimizer", "AdamW", TrainingOptimizer.AdamW)]
    [DataRow("Optimizer", TrainingOptimizer.AdamW, TrainingOptimizer.AdamW)]
    public void Apply_Value_IsConverted(string name, object value, object expected)
    {
        var options = new ResNetTrainer.Options();

        Find(name).Apply(options, value);

        Assert.AreEqual(expected, typeof(ResNetTrainer.Options).GetProperty(name)!.GetValue(options));
    }

    [TestMethod]
    [DataRow("LearningRate", 11.0, "LearningRate is 11; expected 1E-06 to 10.")]
    [DataRow("LearningRate", double.NaN, "LearningRate is NaN; expected 1E-06 to 10.")]
    [DataRow("LearningRate", "fast", "LearningRate is fast; expected 1E-06 to 10.")]
    [DataRow("Epochs", 1.5, "Epochs is 1.5; expected a whole number of 1 to 10000.")]
    [DataRow("Epochs", 0, "Epochs is 0; expected a whole number of 1 to 10000.")]
    [DataRow("Optimizer", "Adam", "Optimizer is Adam; expected Sgd, AdamW.")]
    public void Apply_ValueOutOfBounds_SaysWhatWasExpectedAndChangesNothing(string name, object value, string expected)
    {
        var options = new ResNetTrainer.Options();
        object? before = typeof(ResNetTrainer.Options).GetProperty(name)!.GetValue(options);

        string message = Assert.ThrowsExactly<ArgumentException>(() => Find(name).Apply(options, value)).Message;

        StringAssert.StartsWith(message, expected);
        Assert.AreEqual(before, typeof(ResNetTrainer.Options).GetProperty(name)!.GetValue(options));
    }

    [TestMethod]
    [DataRow(-0.1)]
    [DataRow(double.NaN)]
    public void At_PositionOutOfRange_Throws(double position)
        => StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Find("Momentum").At(position)).Message, "The position of Momentum is out of range; expected 0 to 1.");

    private static TunableOption Find(string name) => ResNetTrainer.Options.SearchSpace.Single(option => option.Name == name);
}
