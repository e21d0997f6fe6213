using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

// A program that has ML.NET and ONNX Runtime, and nothing of the library that trained the model.
if (args.Length < 2)
{
    Console.Error.WriteLine("Expected: OnnxApp MODEL IMAGE...");
    return 2;
}

if (!File.Exists(args[0]))
{
    Console.Error.WriteLine($"The model '{args[0]}' doesn't exist.");
    return 2;
}

var mlContext = new MLContext();
ITransformer model = mlContext.Model.Load(args[0], out _);
using var engine = mlContext.Model.CreatePredictionEngine<ImageInput, ImageOutput>(model);
foreach (string file in args.Skip(1))
{
    ImageOutput output = engine.Predict(new ImageInput { ImagePath = file });

    // Nine digits are enough to tell any two Single values apart.
    string scores = string.Join(' ', output.Score.Select(score => score.ToString("G9", CultureInfo.InvariantCulture)));
    Console.WriteLine($"{Path.GetFileName(file)}\t{output.PredictedLabel}\t{scores}");
}

return 0;

/// <summary>The column that the model reads.</summary>
internal sealed class ImageInput
{
    public string ImagePath { get; set; } = "";
}

/// <summary>What the program wants to know. The outputs of an ONNX file are vectors in ML.NET, the predicted label one of length 1.</summary>
internal sealed class ImageOutput
{
    [ColumnName("PredictedLabel")]
    public string[] PredictedLabels { get; set; } = [];

    public string PredictedLabel => PredictedLabels[0];

    public float[] Score { get; set; } = [];
}
