using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>The image size of trainings that start with weights: what the weights say, what the images are, and what the options say.</summary>
[TestClass]
public sealed class StartImageSizeTests
{
    private static readonly MLContext Context = new(1);
    private static readonly TemporaryFolder Folder = new();

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    [TestMethod]
    [DataRow(null, null, 16, 16, DisplayName = "A bare file says nothing: the images' own.")]
    [DataRow(224, null, 16, 96)]
    [DataRow(224, null, 64, 96)]
    [DataRow(128, null, 100, 128)]
    [DataRow(48, null, 16, 48)]
    [DataRow(224, 32, 16, 32)]
    public void Fit_WeightsWithAnImageSize_TakesWhatFitsTheImages(int? weightSize, int? option, int pictureSize, int expected)
    {
        ResNetWeights bare = Bare(), weights = weightSize is { } size ? bare.WithImageSize(size) : bare;
        using ResNetTransformer model = Fit(weights, option, pictureSize, FineTuningMode.HeadOnly);

        Assert.AreEqual(expected, model.Preprocessing.Width);
        Assert.AreEqual(weightSize, weights.Preprocessing?.Width);
        Assert.IsNull(bare.Preprocessing);
        CollectionAssert.AreEqual(bare.Entries.Select(entry => entry.Name).ToArray(), weights.Entries.Select(entry => entry.Name).ToArray());
    }

    /// <summary>A model's own classes go on at its own size.</summary>
    [TestMethod]
    public void Fit_ModelOfTheSameClasses_KeepsItsSize()
    {
        using ResNetTransformer model = Fit(Bare().WithImageSize(128), option: 112, pictureSize: 16, FineTuningMode.HeadOnly);
        using ResNetTransformer next = Fit(ResNetWeights.FromTransformer(model), option: null, pictureSize: 16, FineTuningMode.HeadOnly);

        Assert.AreEqual(112, next.Preprocessing.Width);
    }

    /// <summary>Batch normalisation keeps its statistics where the images are smaller than those of the weights, which a bare file does not tell.</summary>
    [TestMethod]
    [DataRow(null, false)]
    [DataRow(64, true)]
    public void Fit_SmallerImagesThanTheWeights_FreezesTheStatistics(int? weightSize, bool isFrozen)
    {
        ResNetWeights weights = weightSize is { } size ? Bare().WithImageSize(size) : Bare();
        using ResNetTransformer model = Fit(weights, option: 16, pictureSize: 16, FineTuningMode.Full);

        float[] before = weights.Tensors.Single(tensor => tensor.Name == "bn1.running_mean").ToSingle(), after = SavedWeights.Of(model)["bn1.running_mean"];
        Assert.AreEqual(isFrozen, before.SequenceEqual(after));
    }

    [TestMethod]
    [DataRow(7)]
    [DataRow(5000)]
    public void WithImageSize_OutOfRange_SaysWhatIsExpected(int size)
        => StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Bare().WithImageSize(size)).Message, "Expected 8 to 4096 pixels.");

    private static ResNetTransformer Fit(ResNetWeights weights, int? option, int pictureSize, FineTuningMode mode)
    {
        string folder = Folder.File($"images-{pictureSize}");
        if (!Directory.Exists(folder))
        {
            foreach (string label in (string[])["dark", "light"])
            {
                Directory.CreateDirectory(Path.Combine(folder, label));
                for (int i = 0; i < 6; i++)
                {
                    byte level = (byte)((label == "dark" ? 20 : 160) + (10 * i));
                    File.WriteAllBytes(Path.Combine(folder, label, $"{i}.png"), TestImages.Encode(SKEncodedImageFormat.Png, pictureSize, pictureSize, (x, y) => (level, (byte)(level + (x % 7)), level)));
                }
            }
        }

        IDataView images = Context.Data.LoadImageFolder(folder);
        IDataView data = Context.Transforms.Conversion.MapValueToKey("Label").Fit(images).Transform(images);
        return Context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options
        {
            FeatureColumnName = "ImagePath",
            PretrainedWeights = weights,
            FineTuning = mode,
            ImageSize = option,
            Epochs = 1,
            BatchSize = 6,
        }).Fit(data);
    }

    /// <summary>Weights of a file that has nothing but tensors.</summary>
    private static ResNetWeights Bare()
    {
        string path = Folder.File("bare.safetensors");
        lock (Folder)
        {
            if (!File.Exists(path))
            {
                using var network = new ResidualNetwork(PixelRows.TinyNetwork, 3, 5, seed: 1);
                using FileStream stream = File.Create(path);
                NetworkWeights.Write(network, stream, metadata: null, includeHead: false);
            }
        }

        return ResNetWeights.FromFile(path);
    }
}
