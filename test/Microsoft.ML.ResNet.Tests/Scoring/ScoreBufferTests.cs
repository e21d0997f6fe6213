using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Scoring;

[TestClass]
public sealed class ScoreBufferTests
{
    private const int Count = 20, BadRow = 3, RowWithoutImage = 5;

    private static readonly InputFormat s_format = InputFormat.Of(32, 32, PixelRange.ZeroTo255, [0.5f, 0.5f, 0.5f], [0.25f, 0.25f, 0.25f]);

    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    public void ReadTaken_SeveralThreads_ScoresEveryRowAsIfItWereReadAtOnce(int threads)
    {
        using ImageScorer scorer = Scorer();
        var expected = new ScoreBuffer(scorer, BadImageHandling.Throw, Count, minimumScore: 0);
        var actual = new ScoreBuffer(scorer, BadImageHandling.Throw, Count, minimumScore: 0);
        var reader = new Reader();
        for (int batch = 0; batch < 2; batch++)
        {
            expected.Clear();
            actual.Clear();
            for (reader.Row = 0; reader.Row < Count; reader.Row++)
            {
                expected.Add(reader);
                actual.Take(reader);
            }

            actual.ReadTaken(threads);
            expected.Score();
            actual.Score();

            for (int row = 0; row < Count; row++)
            {
                if (row is BadRow or RowWithoutImage)
                {
                    Assert.AreEqual($"row {row}", Assert.ThrowsExactly<InvalidDataException>(() => actual.GetPredictedLabel(row)).Message);
                    continue;
                }

                VBuffer<float> one = default, other = default;
                expected.GetVector(row, ref one);
                actual.GetVector(row, ref other);
                Assert.IsTrue(one.GetValues().SequenceEqual(other.GetValues()));
            }
        }
    }

    [TestMethod]
    public void ReadTaken_FaultThatIsNoBadImage_ComesAsItIs()
    {
        using ImageScorer scorer = Scorer();
        var buffer = new ScoreBuffer(scorer, BadImageHandling.Throw, 2, minimumScore: 0);
        buffer.Take(new Broken());
        buffer.Take(new Broken());

        Assert.ThrowsExactly<NotSupportedException>(() => buffer.ReadTaken(2));
    }

    private static ImageScorer Scorer() => new(
        new ResidualNetwork(new ResNetSpecification { Depths = [1, 1], Widths = [16, 32], Stem = ResNetStem.Cifar }, 3, 4, seed: 1),
        s_format,
        new ScoringDevice(CPU, ScalarType.Float32, HasVectorKernels: false, Fused: null),
        NetworkOutput.Probabilities,
        "test");

    private sealed class Reader : ImageRowReader
    {
        public int Row { get; set; }

        public override void Read(Span<byte> destination) => Fill(Row, destination);

        public override TakenImage? Take()
        {
            int row = Row;
            return row == RowWithoutImage ? throw new InvalidDataException($"row {row}") : row % 4 == 1 ? null : destination => Fill(row, destination);
        }

        private static void Fill(int row, Span<byte> destination)
        {
            if (row is BadRow or RowWithoutImage)
            {
                throw new InvalidDataException($"row {row}");
            }

            new Random(row).NextBytes(destination);
        }
    }

    private sealed class Broken : ImageRowReader
    {
        public override void Read(Span<byte> destination) => throw new NotSupportedException();

        public override TakenImage? Take() => Read;
    }
}
