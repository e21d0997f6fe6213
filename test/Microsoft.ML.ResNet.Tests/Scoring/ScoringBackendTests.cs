using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Scoring;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Scoring;

/// <summary>What an option or the environment says of how models score.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ScoringBackendTests
{
    private readonly MLContext _context = new(1);

    [TestInitialize]
    public void RequireInstructions() => VectorInstructions.Require();

    [TestCleanup]
    public void ForgetTheVariable() => Environment.SetEnvironmentVariable(BackendChoice.Variable, null);

    [TestMethod]
    public void WithScoringBackend_EachWay_GivesTheSameScoresByItsOwnMeans()
    {
        IDataView data = Keyed(_context, Create(24));
        using ResNetTransformer model = Trained(data);
        using ResNetTransformer byKernels = model.WithScoringBackend(_context, ScoringBackend.Kernels), byLibTorch = model.WithScoringBackend(_context, ScoringBackend.LibTorch);

        var (kernels, kernelsMade) = Score(byKernels, data);
        var (libtorch, libtorchMade) = Score(byLibTorch, data);

        Assert.IsGreaterThan(0, kernelsMade);
        Assert.AreEqual(0, libtorchMade, "the kernels ran");
        Assert.AreEqual((ScoringBackend.Auto, ScoringBackend.Kernels, ScoringBackend.LibTorch), (model.ScoringBackend, byKernels.ScoringBackend, byLibTorch.ScoringBackend));
        for (int row = 0; row < kernels.Length; row++)
        {
            for (int i = 0; i < kernels[row].Length; i++)
            {
                Assert.AreEqual(libtorch[row][i], kernels[row][i], 1e-4f);
            }
        }
    }

    [TestMethod]
    public void Transform_NothingFixed_SaysInTheLogWhatItChose()
    {
        // A network that no other test has, since the process remembers what it measured, and one that takes its time.
        IDataView data = Keyed(_context, Create(24));
        var log = new LogRecorder(_context);
        using ResNetTransformer model = Trained(data, TinyNetwork with { Depths = [3, 3], Widths = [512, 512] });

        // Where another process wants the processors, a measurement gives no answer, and a later one is made.
        for (int pass = 0; pass < 70 && !Said().Any(); pass++)
        {
            Score(model, data);
        }

        Score(model, data);

        Assert.ContainsSingle(Said());

        IEnumerable<string> Said() => log.Informations.Where(line => line.Contains("ms by libtorch, with", StringComparison.Ordinal));
    }

    [TestMethod]
    public void Transform_EnvironmentNamesLibTorch_KernelsRest()
    {
        IDataView data = Keyed(_context, Create(24));
        Environment.SetEnvironmentVariable(BackendChoice.Variable, "libtorch");
        var log = new LogRecorder(_context);
        using ResNetTransformer model = Trained(data);

        Assert.AreEqual(0, Score(model, data).WorkspacesMade);
        Assert.IsEmpty(log.Informations.Where(line => line.Contains("ms by libtorch", StringComparison.Ordinal)));
        Assert.AreEqual(ScoringBackend.Auto, model.ScoringBackend, "what was asked for");
    }

    [TestMethod]
    [DataRow("cuda")]
    [DataRow("1")]
    [DataRow("+1")]
    public void Resolve_EnvironmentNamesNone_SaysWhatIsExpected(string value)
    {
        Environment.SetEnvironmentVariable(BackendChoice.Variable, value);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => BackendChoice.Resolve(ScoringBackend.Auto));
        Assert.AreEqual($"The environment variable RESNET_SCORING_BACKEND is '{value}', expected auto, kernels or libtorch. Set one of them, or none.", error.Message);
        Assert.AreEqual(ScoringBackend.Kernels, BackendChoice.Resolve(ScoringBackend.Kernels), "an option comes first");
    }

    [TestMethod]
    [DataRow(" Kernels ", ScoringBackend.Kernels)]
    [DataRow("LIBTORCH", ScoringBackend.LibTorch)]
    [DataRow("auto", ScoringBackend.Auto)]
    [DataRow("", ScoringBackend.Auto)]
    public void Resolve_EnvironmentNamesOne_TakesIt(string value, ScoringBackend expected)
    {
        Environment.SetEnvironmentVariable(BackendChoice.Variable, value);

        Assert.AreEqual(expected, BackendChoice.Resolve(ScoringBackend.Auto));
    }

    [TestMethod]
    public void WithScoringBackend_NoneOfTheEnumeration_IsRefused()
    {
        using ResNetTransformer model = Trained(Keyed(_context, Create(8)));

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => model.WithScoringBackend(_context, (ScoringBackend)7));
        StringAssert.StartsWith(error.Message, "Expected Auto, Kernels, LibTorch.");
    }

    private ResNetTransformer Trained(IDataView data, ResNetSpecification? specification = null)
        => _context.MulticlassClassification.Trainers.ResNet(Described(specification ?? TinyNetwork)).Fit(data);

    private static ResNetTrainer.Options Described(ResNetSpecification specification)
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.Specification = specification;
        return options;
    }

    private static (float[][] Scores, long WorkspacesMade) Score(ResNetTransformer model, IDataView data)
    {
        long before = VectorWorkspace.MadeCount;
        float[][] scores = [.. model.Transform(data).GetColumn<float[]>("Score")];
        return (scores, VectorWorkspace.MadeCount - before);
    }
}
