using System.Globalization;
using Microsoft.ML;

// A program as users of ML.NET have it: it loads a model and knows nothing of how that was trained.
bool useTransform = args.Contains("--transform");
string[] files = [.. args.Where(argument => argument != "--transform")];
if (files.Length < 2)
{
    Console.Error.WriteLine("Expected: ExistingApp [--transform] MODEL IMAGE...");
    return 2;
}

if (!File.Exists(files[0]))
{
    Console.Error.WriteLine($"The model '{files[0]}' doesn't exist.");
    return 2;
}

var mlContext = new MLContext();
ITransformer model = mlContext.Model.Load(files[0], out _);
ImageInput[] images = [.. files.Skip(1).Select(file => new ImageInput { ImagePath = file })];

IEnumerable<ImageOutput> outputs = useTransform ? ClassifyAll() : ClassifyOneByOne();
foreach (var (image, output) in images.Zip(outputs))
{
    // Nine digits are enough to tell any two Single values apart.
    string scores = string.Join(' ', output.Score.Select(score => score.ToString("G9", CultureInfo.InvariantCulture)));
    Console.WriteLine($"{Path.GetFileName(image.ImagePath)}\t{output.PredictedLabel}\t{scores}");
}

(model as IDisposable)?.Dispose();
return 0;

IEnumerable<ImageOutput> ClassifyOneByOne()
{
    using var engine = mlContext.Model.CreatePredictionEngine<ImageInput, ImageOutput>(model);
    foreach (ImageInput image in images)
    {
        yield return engine.Predict(image);
    }
}

IEnumerable<ImageOutput> ClassifyAll()
    => mlContext.Data.CreateEnumerable<ImageOutput>(model.Transform(mlContext.Data.LoadFromEnumerable(images)), reuseRowObject: false);

/// <summary>The columns of the training data.</summary>
internal sealed class ImageInput
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";
}

/// <summary>What the program wants to know.</summary>
internal sealed class ImageOutput
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}
