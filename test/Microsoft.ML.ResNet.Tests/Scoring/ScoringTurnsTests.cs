using Microsoft.ML.ResNet.Scoring;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Scoring;

/// <summary>However many callers there are, as many score at once as there are processors.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ScoringTurnsTests
{
    [TestMethod]
    public void Take_ManyThreads_AreAtMostTheProcessorsAtOnce()
    {
        int atWork = 0, most = 0;
        object gate = new();

        Run(threads: 32, _ =>
        {
            for (int i = 0; i < 20; i++)
            {
                using ScoringTurns.Turn turn = ScoringTurns.Take();
                using ScoringTurns.Turn inner = ScoringTurns.Take();
                lock (gate)
                {
                    most = Math.Max(most, ++atWork);
                }

                Thread.Yield();
                lock (gate)
                {
                    atWork--;
                }
            }
        });

        Assert.IsLessThanOrEqualTo(Environment.ProcessorCount, most);
        Assert.AreEqual(0, atWork);
    }

    [TestMethod]
    public void Predict_ManyShortLivedThreads_MakeNoMoreWorkspacesThanProcessors()
    {
        VectorInstructions.Require();
        var context = new MLContext(1);
        using var model = (IDisposable)Fit(context, context.Data.LoadFromEnumerable(Create(24)), Options(epochs: 1));
        PixelRow[] rows = [.. Create(24)];
        using PredictionEngine<PixelRow, PredictionRow> alone = CreateEngine(context, (ITransformer)model);
        float[][] expected = [.. rows.Select(row => alone.Predict(row).Score)];
        long before = VectorWorkspace.MadeCount;

        for (int round = 0; round < 3; round++)
        {
            Run(threads: 24, i =>
            {
                using PredictionEngine<PixelRow, PredictionRow> engine = CreateEngine(context, (ITransformer)model);
                for (int k = 0; k < 20; k++)
                {
                    CollectionAssert.AreEqual(expected[i], engine.Predict(rows[i]).Score);
                }
            });
        }

        Assert.IsLessThanOrEqualTo(Environment.ProcessorCount, VectorWorkspace.MadeCount - before);
    }

    [TestMethod]
    public void Predict_TwoNetworksInAPipeline_NeedOneTurn()
    {
        var context = new MLContext(1);
        IDataView data = Keyed(context, Create(24));
        using ResNetTransformer model = context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(data);
        using var chain = (IDisposable)context.Transforms.ResNetFeatures("Pooled", "Features", model)
            .Append(context.Transforms.ResNetFeatures("PooledAgain", "Features", model)).Fit(data);

        Run(threads: 3 * Environment.ProcessorCount, i =>
        {
            IDataView scored = model.Transform(((ITransformer)chain).Transform(data));
            Assert.HasCount(24, Data.ColumnCursorExtensions.GetColumn<float[]>(scored, scored.Schema["Score"]));
        });
    }

    private static void Run(int threads, Action<int> action)
    {
        Exception? fault = null;
        Thread[] all =
        [
            .. Enumerable.Range(0, threads).Select(i => new Thread(() =>
            {
                try
                {
                    action(i);
                }
#pragma warning disable CA1031 // It is thrown below.
                catch (Exception exception)
                {
                    fault = exception;
                }
#pragma warning restore CA1031
            })),
        ];
        Array.ForEach(all, thread => thread.Start());
        foreach (Thread thread in all)
        {
            Assert.IsTrue(thread.Join(TimeSpan.FromMinutes(2)), "A thread waits for ever.");
        }

        Assert.IsNull(fault, fault?.ToString());
    }
}
