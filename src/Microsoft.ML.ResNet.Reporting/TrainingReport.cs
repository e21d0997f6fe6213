using Microsoft.ML.ResNet.Reporting;

namespace Microsoft.ML.ResNet;

/// <summary>Writes what a training knows as one HTML file without outside references.</summary>
public static class TrainingReport
{
    /// <summary>
    /// Writes a report: results on the test data, curves of the training, confusion matrix, precision, recall and F1 by class, the most confident mistakes with
    /// their images, a reliability curve, the data, options, speed and versions.
    /// </summary>
    /// <param name="path">The file to write. It is replaced only when the new one is complete.</param>
    /// <param name="mlContext">Evaluates.</param>
    /// <param name="model">The trained pipeline, with a <see cref="ResNetTransformer"/> in it, or that alone.</param>
    /// <param name="testData">Images that the model was not trained on, with their labels; or what the model made of them, which saves scoring them again.</param>
    /// <param name="options">What else the report has; null: the defaults.</param>
    /// <exception cref="ArgumentException">The model has no <see cref="ResNetTransformer"/>, the data lack a column, or an option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">The test data have no labelled row.</exception>
    /// <exception cref="IOException">The file can't be written, or an image can't be read.</exception>
    public static void Write(string path, MLContext mlContext, ITransformer model, IDataView testData, TrainingReportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(testData);
        options ??= new TrainingReportOptions();
        options.Validate();
        ResNetTransformer network = Networks(model).FirstOrDefault()
            ?? throw new ArgumentException("The model has no ResNetTransformer, expected a pipeline that was trained with Trainers.ResNet.", nameof(model));

        TestResults results = TestResults.Of(mlContext, model, network, testData, options);
        DataSummary? training = options.TrainingData is { } data ? DataSummary.Of(mlContext, model, data, network, options.SamplesPerClass) : null;
        ReportPage.Create(network, results, training, options).Write(path);
    }

    private static IEnumerable<ResNetTransformer> Networks(ITransformer model) => model switch
    {
        ResNetTransformer network => [network],
        IEnumerable<ITransformer> chain => chain.SelectMany(Networks),
        _ => [],
    };
}
