using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Training;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class LinearClassifierTests
{
    [TestMethod]
    public void Fit_OneFeatureWithoutNoise_GivesTheLogOdds()
    {
        using var scope = torch.NewDisposeScope();

        // Of rows with feature 0, 3 of 4 are of the first class; with feature 1, 1 of 4. Without a penalty the probabilities are those shares.
        torch.Tensor features = torch.tensor(new[] { 0f, 0f, 0f, 0f, 1f, 1f, 1f, 1f }).reshape(8, 1);
        torch.Tensor targets = torch.nn.functional.one_hot(torch.tensor(new[] { 0L, 0L, 0L, 1L, 0L, 1L, 1L, 1L }), 2).to(torch.ScalarType.Float64);
        using var classifier = new LinearClassifier(features, targets, torch.ones(8, torch.ScalarType.Float64));

        var (weight, bias) = classifier.Unscaled(classifier.Fit(rows: null, penalty: 0, start: null));

        float[] odds = (torch.nn.functional.linear(torch.tensor(new[] { 0f, 1f }).reshape(2, 1), weight, bias)).softmax(1).data<float>().ToArray();
        Assert.AreEqual(0.75f, odds[0], 1e-4f);
        Assert.AreEqual(0.25f, odds[2], 1e-4f);
    }

    [TestMethod]
    public void Fit_ManyFeatures_EndsWhereTheGradientVanishes()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1);
        torch.Tensor features = torch.randn([60, 20], generator: generator);
        torch.Tensor labels = torch.tensor(Enumerable.Range(0, 60).Select(row => (long)row % 3).ToArray());
        using var classifier = new LinearClassifier(features, torch.nn.functional.one_hot(labels, 3).to(torch.ScalarType.Float64), torch.ones(60, torch.ScalarType.Float64));

        const double penalty = 0.1;
        torch.Tensor point = classifier.Fit(rows: null, penalty, start: null);

        // The optimum of the same objective by autograd: its gradient at the point is nothing.
        torch.Tensor centred = features.to(torch.ScalarType.Float64) - features.to(torch.ScalarType.Float64).mean([0]);
        torch.Tensor scaled = centred / (centred * centred).mean().sqrt();
        torch.Tensor variable = point.clone().requires_grad_(true);
        torch.Tensor matrix = variable.narrow(0, 0, 60).view(3, 20);
        torch.Tensor loss = torch.nn.functional.cross_entropy(scaled.matmul(matrix.t()).Plus(variable.narrow(0, 60, 3)), labels).Plus((matrix * matrix).sum() * torch.tensor(penalty / 2));
        loss.backward();
        Assert.IsLessThan(1e-5, variable.grad!.abs().max().item<double>());
    }

    [TestMethod]
    public void Fit_RowsThatCountNothing_ChangeNothing()
    {
        using var scope = torch.NewDisposeScope();
        torch.Tensor features = torch.tensor(new[] { -1f, -0.5f, 0.5f, 1f, -1f, 1f }).reshape(6, 1);
        torch.Tensor targets = torch.nn.functional.one_hot(torch.tensor(new[] { 0L, 0L, 1L, 1L, 1L, 0L }), 2).to(torch.ScalarType.Float64);
        using var classifier = new LinearClassifier(features, targets, torch.tensor(new[] { 1d, 1, 1, 1, 0, 0 }));

        var (weight, _) = classifier.Unscaled(classifier.Fit(rows: null, penalty: 0.01, start: null));

        Assert.IsGreaterThan(1f, weight[1, 0].item<float>());
    }

    [TestMethod]
    public void Fit_FewerRowsThanFeatures_GivesTheWeightsOfTheSameRowsRepeated()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1);
        torch.Tensor features = torch.randn([12, 30], generator: generator);
        torch.Tensor targets = torch.nn.functional.one_hot(torch.tensor(Enumerable.Range(0, 12).Select(row => (long)row % 3).ToArray()), 3).to(torch.ScalarType.Float64);
        using var few = new LinearClassifier(features, targets, torch.ones(12, torch.ScalarType.Float64));
        using var many = new LinearClassifier(torch.cat([features, features, features]), torch.cat([targets, targets, targets]), torch.ones(36, torch.ScalarType.Float64));

        var (weight, bias) = few.Unscaled(few.Fit(rows: null, penalty: 0.01, start: null));
        var (expectedWeight, expectedBias) = many.Unscaled(many.Fit(rows: null, penalty: 0.01, start: null));

        CollectionAssert.AreEqual(new long[] { 3, 30 }, weight.shape);
        Assert.IsLessThan(1e-4f, (weight - expectedWeight).abs().max().item<float>());
        Assert.IsLessThan(1e-4f, (bias - expectedBias).abs().max().item<float>());
    }

    [TestMethod]
    [DataRow(300)]
    [DataRow(80)]
    public void Fit_FeaturesLikeThoseOfANetwork_ConvergesInFewIterations(int rows)
    {
        // Features of a network are correlated: a few directions have most of their variance.
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1);
        torch.Tensor labels = torch.tensor(Enumerable.Range(0, rows).Select(row => (long)row % 5).ToArray());
        torch.Tensor hidden = torch.randn([rows, 100], generator: generator).add(torch.randn([5, 100], generator: generator).index_select(0, labels) * torch.tensor(0.5f));
        torch.Tensor features = (hidden * torch.logspace(0, -2, 100)).matmul(torch.randn([100, 100], generator: generator)).relu();
        using var classifier = new LinearClassifier(features, torch.nn.functional.one_hot(labels, 5).to(torch.ScalarType.Float64), torch.ones(rows, torch.ScalarType.Float64));
        torch.Tensor? point = null;
        int iterations = 0;

        foreach (double penalty in new[] { 3, 1, 0.3, 0.1, 0.03, 0.01 })
        {
            point = classifier.Fit(rows: null, penalty, point, isTimeOver: () => ++iterations < 0);
        }

        Assert.IsLessThan(110, iterations);
    }

    [TestMethod]
    public void Fit_TimeIsOver_EndsAfterAnIteration()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1);
        torch.Tensor features = torch.randn([40, 8], generator: generator);
        torch.Tensor labels = features.narrow(1, 0, 2).argmax(1);
        using var classifier = new LinearClassifier(features, torch.nn.functional.one_hot(labels, 2).to(torch.ScalarType.Float64), torch.ones(40, torch.ScalarType.Float64));
        int iterations = 0;

        torch.Tensor point = classifier.Fit(rows: null, penalty: 0.001, start: null, isTimeOver: () => ++iterations == 1);

        Assert.AreEqual(1, iterations);
        Assert.IsGreaterThan(0.1, point.abs().max().item<double>());
    }

    [TestMethod]
    public void Fit_SomeRowsThatAllCountNothing_GivesFiniteWeights()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1);
        torch.Tensor features = torch.randn([6, 3], generator: generator);
        torch.Tensor targets = torch.nn.functional.one_hot(torch.tensor(new[] { 0L, 1L, 0L, 1L, 0L, 1L }), 2).to(torch.ScalarType.Float64);
        using var classifier = new LinearClassifier(features, targets, torch.tensor(new[] { 1d, 1, 0, 0, 0, 0 }));

        torch.Tensor point = classifier.Fit(torch.tensor(new[] { 2L, 3L, 4L, 5L }), penalty: 0.1, start: null);

        Assert.IsLessThan(1e-6, point.abs().max().item<double>());
    }
}
