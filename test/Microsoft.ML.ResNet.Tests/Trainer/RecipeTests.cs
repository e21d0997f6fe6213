using System.Globalization;
using System.Reflection;
using Microsoft.ML.ResNet.Trainer;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>The ready recipes: what they set, what the documents say of it, and that each trains.</summary>
[TestClass]
public sealed class RecipeTests
{
    private readonly MLContext _context = new(1);

    public static IEnumerable<object[]> All => Enum.GetValues<Recipe>().SelectMany(recipe => new object[][] { [recipe, false], [recipe, true] });

    [TestMethod]
    [DynamicData(nameof(All))]
    public void FromRecipe_Each_TrainsInItsTimeWithoutAWarning(Recipe recipe, bool isPretrained)
    {
        var log = new LogRecorder(_context);
        IDataView data = Keyed(_context, Create(90));
        using ResNetTransformer? start = isPretrained ? _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 2)).Fit(Keyed(_context, Create(30, seed: 3))) : null;
        var options = ResNetTrainer.Options.FromRecipe(recipe, start is null ? null : ResNetWeights.FromTransformer(start));
        options.Specification = isPretrained ? null : TinyNetwork;
        options.MaxTrainingTime = TimeSpan.FromSeconds(6);

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);

        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(model.Transform(data)).MicroAccuracy);
        Assert.AreEqual(recipe == Recipe.Best ? TestTimeAugmentation.HorizontalFlip : TestTimeAugmentation.None, model.TestTimeAugmentation);
        Assert.IsEmpty(log.Warnings, string.Join("\n", log.Warnings));
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void FromRecipe_Each_SetsWhatTheDocumentSays(Recipe recipe, bool isPretrained)
    {
        ResNetWeights? weights = null;
        if (isPretrained)
        {
            using ResNetTransformer start = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(Keyed(_context, Create(12)));
            weights = ResNetWeights.FromTransformer(start);
        }

        var options = ResNetTrainer.Options.FromRecipe(recipe, weights);
        var defaults = new ResNetTrainer.Options();
        string[] set = [.. typeof(ResNetTrainer.Options).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.Name is not (nameof(options.PretrainedWeights) or nameof(options.LearningRateMilestones)) && !Equals(property.GetValue(options), property.GetValue(defaults)))
            .Select(property => $"`{property.Name} = {Text(property.GetValue(options)!)}`")];

        string row = $"| `Recipe.{recipe}`{(isPretrained ? " with weights" : "")} | ";
        string line = File.ReadLines(Path.Combine(RepositoryPaths.Root, "docs", "training.md")).Single(line => line.StartsWith(row, StringComparison.Ordinal));
        CollectionAssert.AreEquivalent(set, line[row.Length..].Split(" | ")[0].Split(", "));
        Assert.AreSame(weights, options.PretrainedWeights);
        CollectionAssert.AreEqual(defaults.LearningRateMilestones.ToArray(), options.LearningRateMilestones.ToArray());
    }

    [TestMethod]
    public void FromRecipe_NoSuchRecipe_IsAFault()
        => StringAssert.StartsWith(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ResNetTrainer.Options.FromRecipe((Recipe)7)).Message, "Expected one of Fast, Balanced, Best.");

    [TestMethod]
    public void Fit_MirrorImagesScoredButNotTrainedOn_Warns()
    {
        var options = ResNetTrainer.Options.FromRecipe(Recipe.Best);
        options.HorizontalFlip = false;

        CollectionAssert.AreEqual(
            new[] { "TestTimeAugmentation is HorizontalFlip, but HorizontalFlip is false: the model scores mirror images, which the training doesn't show it." },
            UnusedOptions.Find(options, start: null, mode: null).ToArray());
    }

    private static string Text(object value) => value switch
    {
        TimeSpan time => $"TimeSpan.FromMinutes({time.TotalMinutes.ToString(CultureInfo.InvariantCulture)})",
        Enum name => $"{name.GetType().Name}.{name}",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };
}
