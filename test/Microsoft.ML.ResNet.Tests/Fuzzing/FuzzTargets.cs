using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Training;
using Microsoft.ML.ResNet.Weights;
using Microsoft.ML.Runtime;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Fuzzing;

/// <summary>Every reader of files that the library has. Files come from a private folder, which <c>Dispose</c> removes.</summary>
internal sealed class FuzzTargets : IDisposable
{
    private const int MiB = 1 << 20;

    /// <summary>Stands for the limit that users have, so that what a header claims is refused or small.</summary>
    private const int MaximumPixels = 1 << 16;

    private readonly TemporaryFolder _folder = new();
    private readonly MLContext _context = new(1);
    private readonly List<IDisposable> _owned = [];

    public FuzzTarget Create(string name) => name switch
    {
        "safetensors" => Weights(name, WeightSeeds.Safetensors, 64),
        "PyTorch zip" => Weights(name, WeightSeeds.PyTorchZip, 128) with { MutateInside = ZipMutator.Mutate },
        "PyTorch legacy" => Weights(name, WeightSeeds.PyTorchLegacy, 128),
        "ONNX" => Weights(name, WeightSeeds.Onnx, 128),
        // A part may unpack to the longest description, in a buffer that doubles.
        "weights of model.zip" => Weights(name, [WeightSeeds.ModelZip(_context), WeightSeeds.Uncompressed(WeightSeeds.ModelZip(_context))], 64) with
        {
            AllocationConstant = 64 * MiB,
            MutateInside = ZipMutator.Mutate,
        },
        "model description" => Model(name, "Description.json", WeightSeeds.ModelZip(_context), (environment, part, zip) => ResNetTransformer.Load(environment, part, new MemoryStream(WeightSeeds.Part(zip, "Weights.safetensors")))),
        "model weights" => Model(name, "Weights.safetensors", WeightSeeds.ModelZip(_context), (environment, part, zip) => ResNetTransformer.Load(environment, WeightSeeds.Part(zip, "Description.json"), new MemoryStream(part))),
        "features description" => Model(name, "Features.json", WeightSeeds.FeaturesZip(_context), (environment, part, zip) => ResNetFeaturesTransformer.Load(environment, part, new MemoryStream(WeightSeeds.Part(zip, "Weights.safetensors")))),
        "features weights" => Model(name, "Weights.safetensors", WeightSeeds.FeaturesZip(_context), (environment, part, zip) => ResNetFeaturesTransformer.Load(environment, WeightSeeds.Part(zip, "Features.json"), new MemoryStream(part))),
        "normalisation" => new FuzzTarget(
            name,
            ["""{"FormatVersion":1,"OutputColumnName":"a","InputColumnName":"b","Scale":0.0039,"Mean":[0.4,0.5,0.6],"StandardDeviation":[0.2,0.2,0.2]}"""u8.ToArray()],
            content => PixelNormalizingTransformer.Load(content),
            64,
            MiB),
        "checkpoint" => Checkpoint(name),
        "start of fine-tuning" => FineTuningStart(name),
        "JPEG" => Image(name, Encode(SKEncodedImageFormat.Jpeg), TestImages.WithOrientation(Encode(SKEncodedImageFormat.Jpeg), 6), TestImages.CmykJpeg),
        "PNG" => Image(
            name,
            Encode(SKEncodedImageFormat.Png),
            PngWriter.Write(9, 7, colourType: 3, bits: 4, (x, y) => [(x + y) % 4], interlaced: true, palette: [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255], transparency: [0, 128]),
            PngWriter.WithChunk(Encode(SKEncodedImageFormat.Png), "eXIf", [.. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0])) with { MutateInside = PngMutator.Mutate },
        "WebP" => Image(name, Encode(SKEncodedImageFormat.Webp), Encode(SKEncodedImageFormat.Webp, quality: 100)),
        "BMP" => Image(name, TestImages.Bmp(21, 15, TestImages.Noise)),
        "GIF" => Image(name, GifWriter.Write(12, 9, [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255], (x, y) => (x + y) % 4, (x, _) => x % 4)),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such reader."),
    };

    public void Dispose()
    {
        _owned.ForEach(owned => owned.Dispose());
        _folder.Dispose();
    }

    private FuzzTarget Weights(string name, byte[][] seeds, int multiple)
    {
        string path = _folder.File("weights");
        return new FuzzTarget(
            name,
            seeds,
            content =>
            {
                File.WriteAllBytes(path, content);
                // One seed of PyTorch holds other tensors than a network's.
                if (WeightFileReader.Read(path).Tensors.Any(tensor => tensor.Name == "conv1.weight"))
                {
                    ResNetWeights.FromFile(path);
                }
            },
            multiple,
            MiB);
    }

    private FuzzTarget Model(string name, string part, byte[] zip, Func<IHostEnvironment, byte[], byte[], IDisposable> load)
    {
        IHostEnvironment environment = HostServices.GetEnvironment(_context.Transforms);
        return new FuzzTarget(name, [WeightSeeds.Part(zip, part)], content => load(environment, content, zip).Dispose(), 64, 4 * MiB);
    }

    private FuzzTarget Checkpoint(string name)
    {
        ResidualNetwork network = WeightSeeds.Network();
        var optimizer = new StochasticGradientDescent(network.ParameterEntries.Select(entry => new OptimizedParameter(entry.Name, entry.Parameter, HasWeightDecay: false)), momentum: 0.9, weightDecay: 0);
        var best = new BestWeights();
        _owned.AddRange([optimizer, best, network]);
        best.Keep(network);
        var folder = new CheckpointFolder(_folder.Path, new Dictionary<string, string> { ["Seed"] = "1", ["Network"] = "small" }, resumes: true);
        folder.Save(new TrainingState { Epoch = 3, Step = 20, Position = 20 }, network, average: null, optimizer, best);
        return new FuzzTarget(
            name,
            [File.ReadAllBytes(folder.LastPath)],
            content =>
            {
                File.WriteAllBytes(folder.LastPath, content);
                folder.Resume(network, average: null, optimizer, best);
            },
            64,
            MiB);
    }

    private FuzzTarget FineTuningStart(string name)
    {
        ResidualNetwork network = WeightSeeds.Network();
        BestWeights weights = new(), read = new(), readTrial = new();
        _owned.AddRange([weights, read, readTrial, network]);
        weights.Keep(network);
        var folder = new CheckpointFolder(_folder.Path, new Dictionary<string, string> { ["Seed"] = "1" }, resumes: true);
        folder.SaveStart(new FineTuningStart { RateScale = 0.2, Share = 0.75, TrainingLoss = 0.5, Classifier = new ValidationResult(0.5, 0.8, 1, 0.8), Comparison = TimeSpan.FromSeconds(3) }, weights, tried: weights);
        return new FuzzTarget(
            name,
            [File.ReadAllBytes(folder.StartPath)],
            content =>
            {
                File.WriteAllBytes(folder.StartPath, content);
                folder.ResumeStart(network, read, readTrial);
            },
            64,
            MiB);
    }

    private static FuzzTarget Image(string name, params byte[][] seeds) => new(
        name,
        seeds,
        content => ImageDecoder.Decode(content, "The image", MaximumPixels).Dispose(),
        16,
        MaximumPixels * 8);

    private static byte[] Encode(SKEncodedImageFormat format, int quality = 90) => TestImages.Encode(format, 24, 17, TestImages.Noise, quality);
}
