using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>Training and scoring in bfloat16, which every processor can do, if slowly: the networks here are tiny.</summary>
[TestClass]
public sealed class PrecisionTests
{
    // Half a unit in the last of eight bits, 1/512, adds up over the layers.
    private const float Tolerance = 0.02f;

    [TestMethod]
    [DataRow(ResNetBlock.Basic, ResNetShortcut.Projection)]
    [DataRow(ResNetBlock.Basic, ResNetShortcut.ZeroPad)]
    [DataRow(ResNetBlock.Bottleneck, ResNetShortcut.Projection)]
    public void Forward_InBFloat16_IsCloseToFloat32(ResNetBlock block, ResNetShortcut shortcut)
    {
        using var scope = torch.NewDisposeScope();
        ResNetSpecification specification = TinyNetwork with { Block = block, Shortcut = shortcut };
        using var network = new ResidualNetwork(specification, 3, 5, seed: 1);
        torch.Tensor images = torch.randn([4, 3, 16, 16], generator: new torch.Generator(1));
        foreach (bool training in new[] { true, false })
        {
            network.train(training);
            network.ActivationType = torch.ScalarType.Float32;
            torch.Tensor expected = network.forward(images);
            network.ActivationType = torch.ScalarType.BFloat16;
            torch.Tensor actual = network.forward(images);

            Assert.AreEqual(torch.ScalarType.Float32, actual.dtype);
            float difference = ((actual - expected).norm() / expected.norm()).item<float>();
            Assert.IsLessThan(Tolerance, difference);
            Assert.IsGreaterThan(0f, difference, "as if it were float32");
        }
    }

    [TestMethod]
    public void Backward_InBFloat16_GivesFloat32GradientsCloseToFloat32s()
    {
        using var scope = torch.NewDisposeScope();
        using var network = new ResidualNetwork(TinyNetwork, 3, 5, seed: 1);
        torch.Tensor images = torch.randn([8, 3, 16, 16], generator: new torch.Generator(1)), labels = torch.tensor(new long[] { 0, 1, 2, 3, 4, 0, 1, 2 });
        network.train();
        torch.Tensor[] expected = Gradients(torch.ScalarType.Float32), actual = Gradients(torch.ScalarType.BFloat16);

        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(torch.ScalarType.Float32, actual[i].dtype);
            float cosine = ((actual[i] * expected[i]).sum() / actual[i].norm() / expected[i].norm()).item<float>();
            Assert.IsGreaterThan(0.98f, cosine, network.ParameterEntries[i].Name);
        }

        torch.Tensor[] Gradients(torch.ScalarType type)
        {
            network.ActivationType = type;
            torch.nn.functional.cross_entropy(network.forward(images), labels).backward();
            torch.Tensor[] gradients = [.. network.ParameterEntries.Select(entry => entry.Parameter.grad!.clone())];
            foreach (NetworkParameter entry in network.ParameterEntries)
            {
                entry.Parameter.grad = null;
            }

            return gradients;
        }
    }

    [TestMethod]
    public void Fit_InBFloat16_LearnsAndScoresInFloat32()
    {
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(Create(60));
        ResNetTrainer.Options options = Options(epochs: 4);
        options.Precision = TrainingPrecision.BFloat16;

        using var model = (IDisposable)Fit(context, data, options);

        IDataView scored = ((ITransformer)model).Transform(data);
        Assert.IsGreaterThan(0.9, context.MulticlassClassification.Evaluate(scored, predictedLabelColumnName: "PredictedLabel").MicroAccuracy);
        Assert.AreEqual(ScoringPrecision.Float32, ResNetOf((ITransformer)model).ScoringPrecision);
    }

    [TestMethod]
    [DataRow(TrainingPrecision.Float32, ScoringPrecision.Float32)]
    [DataRow(TrainingPrecision.BFloat16, ScoringPrecision.Float32)]
    [DataRow(TrainingPrecision.Float32, ScoringPrecision.BFloat16)]
    [DataRow(TrainingPrecision.BFloat16, ScoringPrecision.BFloat16)]
    public void Fit_AnyPrecision_ValidatesAsTheModelScores(TrainingPrecision precision, ScoringPrecision scoringPrecision)
    {
        var context = new MLContext(1);
        IDataView data = Keyed(context, Create(40)), validation = Keyed(context, Create(30, seed: 5));
        ResNetTrainer.Options options = Options(epochs: 2);
        (options.Precision, options.ScoringPrecision, options.ValidationSet) = (precision, scoringPrecision, validation);

        using ResNetTransformer model = context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
        AssertSame(model);
        options.PretrainedWeights = ResNetWeights.FromTransformer(model);
        options.FineTuning = FineTuningMode.HeadOnly;
        using ResNetTransformer fitted = context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
        AssertSame(fitted);

        void AssertSame(ResNetTransformer trained)
        {
            EpochMetrics best = trained.TrainingHistory[trained.TrainingHistory[^1].BestEpoch!.Value - 1];
            Data.MulticlassClassificationMetrics metrics = context.MulticlassClassification.Evaluate(trained.Transform(validation));
            Assert.AreEqual(metrics.MicroAccuracy, best.ValidationAccuracy!.Value, 1e-9);
            Assert.AreEqual(metrics.LogLoss, best.ValidationLoss!.Value, 1e-5 * Math.Max(1, metrics.LogLoss));
        }
    }

    [TestMethod]
    public void Scores_InBFloat16_AreCloseAndSavedWithTheModel()
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(Create(40));
        ResNetTrainer.Options options = Options();
        options.Precision = TrainingPrecision.Float32;
        using var single = (IDisposable)Fit(context, data, options);
        options.ScoringPrecision = ScoringPrecision.BFloat16;
        using var half = (IDisposable)Fit(context, data, options);
        string path = Path.Combine(folder.Path, "model.zip");
        context.Model.Save((ITransformer)half, data.Schema, path);
        using var loaded = (IDisposable)new MLContext(2).Model.Load(path, out _);

        float[][] expected = Scores((ITransformer)single, data), actual = Scores((ITransformer)half, data);

        Assert.AreEqual(ScoringPrecision.BFloat16, ResNetOf((ITransformer)loaded).ScoringPrecision);
        AssertClose(expected, actual);
        Assert.IsFalse(expected.SelectMany(row => row).SequenceEqual(actual.SelectMany(row => row)), "as if it were float32");
        CollectionAssert.AreEqual(actual.SelectMany(row => row).ToArray(), Scores((ITransformer)loaded, data).SelectMany(row => row).ToArray());
    }

    [TestMethod]
    public void WithScoringPrecision_GivesAModelOfItsOwn()
    {
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(Create(40));
        ITransformer chain = Fit(context, data, Options());
        ResNetTransformer single = ResNetOf(chain);
        float[][] expected = Scores(single, data);
        using ResNetTransformer half = single.WithScoringPrecision(context, ScoringPrecision.BFloat16);
        using ResNetTransformer back = half.WithScoringPrecision(context, ScoringPrecision.Float32);
        ((IDisposable)chain).Dispose();

        AssertClose(expected, Scores(half, data));
        CollectionAssert.AreEqual(expected.SelectMany(row => row).ToArray(), Scores(back, data).SelectMany(row => row).ToArray());
        Assert.AreEqual(ScoringPrecision.BFloat16, half.ScoringPrecision);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => half.WithScoringPrecision(context, (ScoringPrecision)7));
        Assert.ThrowsExactly<ObjectDisposedException>(() => single.WithScoringPrecision(context, ScoringPrecision.Float32));
    }

    [TestMethod]
    public void TypeFor_Auto_IsTheFasterAndSlowChoicesAreWarnedOf()
    {
        var context = new MLContext(1);
        var log = new LogRecorder(context);
        using Runtime.IChannel channel = ((Runtime.IHostEnvironment)context).Start("test");
        bool isFast = BFloat16Support.IsFast(torch.CPU);
        torch.ScalarType expected = isFast ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32;

        Assert.AreEqual(expected, BFloat16Support.TypeFor(TrainingPrecision.Auto, hasKernels: false, multiplyAdds: 1, torch.CPU, channel));
        Assert.AreEqual(
            BFloat16Support.HasMatrixInstructions() ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32,
            BFloat16Support.TypeFor(TrainingPrecision.Auto, hasKernels: true, BFloat16Support.LargeNetwork, torch.CPU, channel));
        Assert.AreEqual(
            torch.ScalarType.Float32,
            BFloat16Support.TypeFor(TrainingPrecision.Auto, hasKernels: true, BFloat16Support.LargeNetwork - 1, torch.CPU, channel));
        Assert.AreEqual(expected, BFloat16Support.TypeFor(ScoringPrecision.Auto, torch.CPU, channel));
        Assert.AreEqual(torch.ScalarType.Float32, BFloat16Support.TypeFor(TrainingPrecision.Float32, hasKernels: false, BFloat16Support.LargeNetwork, torch.CPU, channel));
        Assert.IsEmpty(log.Warnings);
        Assert.AreEqual(torch.ScalarType.BFloat16, BFloat16Support.TypeFor(ScoringPrecision.BFloat16, torch.CPU, channel));
        string expectedWarning = BFloat16Support.HasInstructions(torch.CPU) ? "no faster than those for Float32" : "has no instructions for it";
        Assert.AreEqual(isFast ? 0 : 1, log.Warnings.Count(message => message.Contains(expectedWarning, StringComparison.Ordinal)));
    }

    /// <summary>Beside a busy process the threads of libtorch wait at every operator, which only large ones outweigh.</summary>
    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet20, 32, false)]
    [DataRow(ResNetArchitecture.ResNet18, 28, false)]
    [DataRow(ResNetArchitecture.ResNet18, 160, false)]
    [DataRow(ResNetArchitecture.ResNet18, 224, true)]
    [DataRow(ResNetArchitecture.ResNet50, 224, true)]
    public void IsFastBesideKernels_IsSoForLargeNetworksWithAmx(ResNetArchitecture architecture, int side, bool isLarge)
    {
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(architecture).ResolveStem(side, side);
        long multiplyAdds = NetworkPlan.Of(specification, 3, 10).MultiplyAdds(side, side);

        Assert.AreEqual(isLarge, BFloat16Support.IsFastBesideKernels(hasMatrixInstructions: true, multiplyAdds));
        Assert.IsFalse(BFloat16Support.IsFastBesideKernels(hasMatrixInstructions: false, multiplyAdds));
    }

    /// <summary>A Xeon whose AMX a virtual machine hides was twice as slow in bfloat16 as in float32; a Zen 5 was faster.</summary>
    [TestMethod]
    [DataRow(nameof(BFloat16Instructions.Matrices), true, true)]
    [DataRow(nameof(BFloat16Instructions.Matrices), false, true)]
    [DataRow(nameof(BFloat16Instructions.Vectors), true, false)]
    [DataRow(nameof(BFloat16Instructions.Vectors), false, true)]
    [DataRow(nameof(BFloat16Instructions.None), true, false)]
    [DataRow(nameof(BFloat16Instructions.None), false, false)]
    public void IsFastOnCpu_VectorsOfIntel_AreNot(string instructions, bool isIntel, bool expected)
        => Assert.AreEqual(expected, BFloat16Support.IsFastOnCpu(Enum.Parse<BFloat16Instructions>(instructions), isIntel));

    /// <summary>Widths of 16 and 32 are the kernels', 8 is not.</summary>
    [TestMethod]
    [DataRow(16)]
    [DataRow(8)]
    public void Fit_Auto_TrainsByTheKernelsUnlessThereIsSomethingFaster(int width)
    {
        var context = new MLContext(1);
        IDataView data = Keyed(context, Create(40));
        double automatic = Loss(TrainingPrecision.Auto), single = Loss(TrainingPrecision.Float32), half = Loss(TrainingPrecision.BFloat16);

        bool isHalf = width == 8 || !MatrixKernel.IsSupported ? BFloat16Support.IsFast(torch.CPU) : BFloat16Support.HasMatrixInstructions();
        Assert.AreNotEqual(single, half);
        Assert.IsLessThan(Math.Abs(automatic - (isHalf ? single : half)), Math.Abs(automatic - (isHalf ? half : single)));

        double Loss(TrainingPrecision precision)
        {
            ResNetTrainer.Options options = Options();
            options.Specification = new ResNetSpecification { Depths = [1, 1], Widths = [width, 2 * width], Stem = ResNetStem.Cifar };
            options.Precision = precision;
            using ResNetTransformer model = context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
            return model.TrainingHistory[^1].TrainingLoss;
        }
    }

    [TestMethod]
    public void Precisions_OfTrainingAndScoring_HaveTheSameMembers()
        => CollectionAssert.AreEqual(
            Enum.GetValues<TrainingPrecision>().Select(value => $"{value} {value:D}").ToArray(), Enum.GetValues<ScoringPrecision>().Select(value => $"{value} {value:D}").ToArray());

    [TestMethod]
    public void Validate_UnknownPrecisions_AreNamed()
    {
        var options = new ResNetTrainer.Options { Precision = (TrainingPrecision)9, ScoringPrecision = (ScoringPrecision)9 };

        string message = Assert.ThrowsExactly<ArgumentException>(options.Validate).Message;

        StringAssert.Contains(message, nameof(options.Precision));
        StringAssert.Contains(message, nameof(options.ScoringPrecision));
    }

    private static void AssertClose(float[][] expected, float[][] actual)
    {
        foreach (var (expectedRow, actualRow) in expected.Zip(actual))
        {
            foreach (var (expectedValue, actualValue) in expectedRow.Zip(actualRow))
            {
                Assert.AreEqual(expectedValue, actualValue, Tolerance);
            }
        }
    }
}
