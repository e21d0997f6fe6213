using System.Collections.Concurrent;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Application;

/// <summary>Many threads on one model, and several trainings in one process.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ThreadsTests
{
    private const int ThreadCount = 32;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly MLContext _context = new(1);

    [TestMethod]
    public void Score_On32ThreadsWhileAnotherTrains_IsTheSameAndSoIsTheTraining()
    {
        IDataView data = _context.Data.LoadFromEnumerable(Create(40));
        using var model = (IDisposable)Fit(_context, data, Options(epochs: 1));
        List<PixelRow> rows = Create(40);
        float[] transformed = Flat(Scores((ITransformer)model, data));
        float[][] predicted = Predictions((ITransformer)model, rows);
        using ResNetTransformer alone = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 3)).Fit(Keyed(_context, Create(40)));
        long tensors = LiveTensors.CountAfterCollection();
        using var trained = new ManualResetEventSlim();
        ResNetTransformer? beside = null;

        RunAll(
        [
            () =>
            {
                try
                {
                    beside = new MLContext(1).MulticlassClassification.Trainers.ResNet(Options(epochs: 3)).Fit(Keyed(_context, Create(40)));
                }
                finally
                {
                    trained.Set();
                }
            },
            .. Enumerable.Range(0, ThreadCount).Select(thread => (Action)(() => ScoreUntil(trained, thread % 2 == 0))),
        ]);

        SavedWeights.AssertEqual(SavedWeights.Of(alone), SavedWeights.Of(beside!));
        beside!.Dispose();
        Assert.AreEqual(tensors, torch.Tensor.TotalCount);

        void ScoreUntil(ManualResetEventSlim end, bool isEngine)
        {
            do
            {
                if (isEngine)
                {
                    float[][] actual = Predictions((ITransformer)model, rows);
                    CollectionAssert.AreEqual(Flat(predicted), Flat(actual));
                }
                else
                {
                    CollectionAssert.AreEqual(transformed, Flat(Scores((ITransformer)model, data)));
                }
            }
            while (!end.IsSet);
        }
    }

    [TestMethod]
    public void Fit_TwoTrainingsAtOnce_GiveWhatEachGivesAlone()
    {
        using ResNetTransformer first = Train(1), second = Train(2);
        long tensors = LiveTensors.CountAfterCollection();
        var together = new ResNetTransformer[2];

        RunAll([() => together[0] = Train(1), () => together[1] = Train(2)]);

        SavedWeights.AssertEqual(SavedWeights.Of(first), SavedWeights.Of(together[0]));
        SavedWeights.AssertEqual(SavedWeights.Of(second), SavedWeights.Of(together[1]));
        Array.ForEach(together, model => model.Dispose());
        Assert.AreEqual(tensors, torch.Tensor.TotalCount);

        static ResNetTransformer Train(int seed)
        {
            var context = new MLContext(seed);
            ResNetTrainer.Options options = Options(epochs: 4);
            options.ValidationFraction = 0.2;
            return context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(context, Create(40, seed)));
        }
    }

    [TestMethod]
    public void Dispose_DuringUseByEnginesTransformSaveAndExport_GivesResultsOrObjectDisposedException()
    {
        IDataView data = _context.Data.LoadFromEnumerable(Create(40));
        List<PixelRow> rows = Create(8);
        using var folder = new TemporaryFolder();
        for (int round = 0; round < 5; round++)
        {
            long tensors = LiveTensors.CountAfterCollection();
            var model = (IDisposable)Fit(_context, data, Options(epochs: 1));
            ResNetTransformer transformer = ResNetOf((ITransformer)model);
            using var started = new CountdownEvent(ThreadCount);
            int delay = round * 5;

            RunAll(
            [
                () =>
                {
                    started.Wait();
                    Thread.Sleep(delay);
                    model.Dispose();
                },
                .. Enumerable.Range(0, ThreadCount).Select(thread => (Action)(() => UseUntilDisposed(thread))),
            ]);

            Assert.AreEqual(tensors, torch.Tensor.TotalCount, $"round {round}");

            void UseUntilDisposed(int thread)
            {
                started.Signal();
                try
                {
                    while (true)
                    {
                        switch (thread % 8)
                        {
                            case 0:
                                transformer.SaveWeights(folder.File($"{thread}.safetensors"));
                                break;
                            case 1:
                                transformer.ExportOnnx(folder.File($"{thread}.onnx"));
                                break;
                            case 2 or 3 or 4:
                                Scores((ITransformer)model, data);
                                break;
                            default:
                                Predictions((ITransformer)model, rows);
                                break;
                        }
                    }
                }
                catch (ObjectDisposedException exception)
                {
                    Assert.AreEqual(nameof(ResNetTransformer), exception.ObjectName);
                }
            }
        }
    }

    /// <summary>Runs each on a thread of its own, and fails where one does or doesn't end.</summary>
    private static void RunAll(IEnumerable<Action> actions)
    {
        var faults = new ConcurrentQueue<Exception>();
        Thread[] threads = [.. actions.Select(action => new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                faults.Enqueue(exception);
            }
        }) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        Assert.IsTrue(threads.All(thread => thread.Join(Patience)), "A thread doesn't end.");
        Assert.IsEmpty(faults, string.Join("\n", faults));
    }

    private float[][] Predictions(ITransformer model, List<PixelRow> rows)
    {
        using PredictionEngine<PixelRow, PredictionRow> engine = CreateEngine(_context, model);
        return [.. rows.Select(row => engine.Predict(row).Score)];
    }

    private static float[] Flat(float[][] scores) => [.. scores.SelectMany(score => score)];
}
