using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Calibrating;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using TorchSharp;

namespace Microsoft.ML.ResNet;

public sealed partial class ResNetTransformer
{
    /// <summary>
    /// The temperature that the scores were calibrated with (Guo et al. 2017); 1 without calibration. The logits of the trained network have been divided by it, in the weights
    /// of the classifier: all that scores, saves or exports the model has it. Above 1, the network was too sure of itself.
    /// </summary>
    public double Temperature => _description.Temperature;

    /// <summary>The probability of the most probable class below which <c>PredictedLabel</c> is missing; 0, the default, where it never is.</summary>
    public float MinimumScore => _description.MinimumScore;

    /// <summary>
    /// The same model with calibrated scores, by temperature scaling (Guo et al. 2017): the probabilities say how often the model is right. It predicts the same
    /// classes. It has weights of its own: each of the two is to be disposed.
    /// </summary>
    /// <param name="mlContext">Has the device and the log.</param>
    /// <param name="data">
    /// Images that the model was not trained on, some hundred or more, with their labels: data as it was trained on, with the label column of key type or as text.
    /// </param>
    /// <exception cref="ArgumentException">A column is missing or of another type, or the labels are not those of the model.</exception>
    /// <exception cref="InvalidOperationException">No row has a label and an image that can be read.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public ResNetTransformer WithCalibratedScores(MLContext mlContext, IDataView data)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(data);
        ScoredRows rows = ScoredRows.Read(Transform(WithKeys(mlContext, data)), LabelColumnName, _description.Columns.Score);
        double temperature = TemperatureScaling.Fit(rows);
        return WithDescription(mlContext, _description with { Temperature = _description.Temperature * temperature }, network => Divide(network, temperature));
    }

    /// <summary>The same model that gives no predicted label where its most probable class has too low a probability. It has weights of its own: each of the two is to be disposed.</summary>
    /// <param name="mlContext">Has the device and the log.</param>
    /// <param name="minimumScore">The lowest probability at which a label is predicted; 0 to 1. <c>ChooseMinimumScore</c> finds one for a wanted precision.</param>
    /// <exception cref="ArgumentOutOfRangeException">The score is not between 0 and 1.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public ResNetTransformer WithMinimumScore(MLContext mlContext, float minimumScore)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        return minimumScore is >= 0 and <= 1
            ? WithDescription(mlContext, _description with { MinimumScore = minimumScore })
            : throw new ArgumentOutOfRangeException(nameof(minimumScore), minimumScore, "Expected a number from 0 to 1.");
    }

    /// <summary>Divides the logits of a network by a temperature, in the weights of its head.</summary>
    internal static void Divide(ResidualNetwork network, double temperature)
    {
        using IDisposable withoutGradients = torch.no_grad();
        foreach (NetworkParameter entry in network.ParameterEntries.Where(entry => Head.Owns(entry.Name)))
        {
            entry.Parameter.DivideInPlace(temperature);
        }
    }

    /// <summary>The data with the label column as keys in the order of the model's classes.</summary>
    /// <exception cref="ArgumentException">The label column is missing, or its keys are others.</exception>
    private IDataView WithKeys(MLContext mlContext, IDataView data)
    {
        DataViewSchema.Column label = DataViewColumns.Require(data.Schema, LabelColumnName, "Label column");
        if (label.Type is TextDataViewType)
        {
            IDataView classes = mlContext.Data.LoadFromEnumerable(ClassNames.Select(name => new KeyValue { Value = name }));
            return mlContext.Transforms.Conversion.MapValueToKey(LabelColumnName, keyData: classes).Fit(data).Transform(data);
        }

        string[] names = LabelValues.Of(LabelColumn.Find(data.Schema, LabelColumnName, "Label column"), ClassNames.Count).Names;
        return names.SequenceEqual(ClassNames)
            ? data
            : throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"Label column '{LabelColumnName}' has the {names.Length} keys {string.Join(", ", names.Take(10))}, expected the {ClassNames.Count} classes of the model in their order: {string.Join(", ", ClassNames.Take(10))}. Use the pipeline's own MapValueToKey, or leave the labels as text."));
    }

    private sealed class KeyValue
    {
        public string Value { get; set; } = "";
    }
}
