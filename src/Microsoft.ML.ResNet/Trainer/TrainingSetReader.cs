using System.Globalization;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Training;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.ResNet.Trainer;

/// <summary>Reads what a network is trained and validated on, and refuses or warns of what can't be meant.</summary>
/// <param name="startImageSize">The size of the images that the network's first weights were made with, or null.</param>
/// <param name="channel">Told of rows that are left out and of classes with few images.</param>
internal sealed class TrainingSetReader(ResNetTrainer.Options options, string temporaryFolder, Action checkCancelled, IChannel channel, int? startImageSize = null)
{
    /// <summary>Reads labels, weights and images, and the validation set where there is one.</summary>
    /// <param name="seed">Decides which images <c>ValidationFraction</c> sets aside.</param>
    /// <exception cref="ArgumentException">A column is missing or of the wrong type, or there are fewer than two classes.</exception>
    /// <exception cref="InvalidOperationException">Nothing is left to train or to validate on.</exception>
    public TrainingData Read(IDataView input, ImageColumn column, long seed)
    {
        LabeledRows rows = LabeledRows.Read(
            input, new LabeledRowColumns(options.LabelColumnName, "Label column", options.ExampleWeightColumnName), column, options.ImageFolder, checkCancelled);
        LabelColumn labels = rows.Labels;
        LabelValues classes = LabelValues.Of(labels.Column, labels.ClassCount);
        var counts = new ClassRows(labels.Classes, classes.Names);
        CheckSeveralClasses(counts, skipped: null);
        WarnOfMissingLabels(labels, "training");
        CheckClassWeights(classes);
        var warned = new HashSet<string>();
        Warn(counts.TrainingWarnings().Where(warned.Add));
        LabeledRows? validationRows = null;
        if (options.ValidationSet is { } validationSet)
        {
            column.Bind(validationSet.Schema, "Feature column of the validation set", "as in the training set");
            validationRows = LabeledRows.Read(
                validationSet, new LabeledRowColumns(options.LabelColumnName, "Label column of the validation set"), column, options.ImageFolder, checkCancelled);
            CheckSameClasses(classes, validationRows.Labels);
            WarnOfMissingLabels(validationRows.Labels, "validation");
            Warn(counts.ValidationWarnings(validationRows.Labels.Classes).Where(warned.Add));
        }

        var reader = new TrainingDataReader(TrainingDefaults.Reading(options, temporaryFolder) with { StartImageSize = startImageSize }, column, checkCancelled, message => channel.Info(MessageSensitivity.None, "{0}", message));
        TrainingData data = reader.Read(input, rows);
        try
        {
            // What bad images have left goes through the checks of what came.
            var left = new ClassRows(data.Training.Labels, classes.Names);
            CheckSeveralClasses(left, data.Skipped);
            CheckWeights(data);
            WarnOfSkipped(data.Skipped, left.TrainingWarnings().Where(warned.Add));
            if (validationRows is not null)
            {
                var (images, skipped) = reader.ReadValidation(options.ValidationSet!, validationRows, data);
                data = data with { Validation = images };
                WarnOfSkipped(skipped, left.ValidationWarnings(images.Labels).Where(warned.Add));
            }
            else if (options.ValidationFraction > 0)
            {
                data = SetAside(data, options.ValidationFraction, seed);
                CheckWeights(data);
            }

            WarnOfTarFiles(data.Training);
            return data;
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    private void CheckSeveralClasses(ClassRows rows, string? skipped)
    {
        if (rows.Present is { Length: < 2 } present)
        {
            throw new ArgumentException(
                skipped is null
                    ? $"Label column '{options.LabelColumnName}' has rows of one class only, '{present[0]}', expected at least two classes. Check the label column, and that no filter took the other classes away."
                    : $"Label column '{options.LabelColumnName}' has rows of one class only, '{present[0]}', after bad images were left out, expected at least two classes. Mend the images of the other classes. {skipped}");
        }
    }

    private static TrainingData SetAside(TrainingData data, double fraction, long seed)
    {
        var (training, validation) = StratifiedSplit.Of(data.Training.Labels, fraction, seed);
        return validation.Length > 0
            ? data with { Training = data.Training.Subset(training), Validation = data.Training.Subset(validation) }
            : throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture,
                $"ValidationFraction is {fraction}, but no class has enough of the {data.Training.Count} images to set one aside. {StratifiedSplit.Advice(data.Training.Labels)}"));
    }

    private void CheckWeights(TrainingData data)
    {
        if (data.HasWeights && !Array.Exists(data.Training.Entries, entry => entry.Weight > 0))
        {
            throw new InvalidOperationException(
                $"Example weight column '{options.ExampleWeightColumnName}' is 0 in all {data.Training.Count} rows that are trained on{(data.Skipped is null ? "" : ", bad images left out")}, expected some above 0.");
        }
    }

    private void CheckClassWeights(LabelValues labels)
    {
        string[] unknown = [.. (options.ClassWeights?.Keys ?? []).Except(labels.Names)];
        if (unknown.Length > 0)
        {
            throw new ArgumentException(
                $"ClassWeights name {string.Join(", ", unknown.Select(name => $"'{name}'"))}, but label column '{options.LabelColumnName}' has the classes {string.Join(", ", labels.Names.Take(10).Select(name => $"'{name}'"))}{(labels.Count > 10 ? $" and {labels.Count - 10} more" : "")}. Name classes as the label column does.");
        }
    }

    private void CheckSameClasses(LabelValues labels, LabelColumn validation)
    {
        string[] names = LabelValues.Of(validation.Column, validation.ClassCount).Names;
        if (!names.AsSpan().SequenceEqual(labels.Names))
        {
            throw new ArgumentException(
                $"Label column '{options.LabelColumnName}' of the validation set has the keys {string.Join(", ", names.Take(10))}, expected {string.Join(", ", labels.Names.Take(10))}, as in the training set. Transform both with the same fitted MapValueToKey.");
        }
    }

    /// <summary>A buffer mixes rows that are near each other in the tar files.</summary>
    private void WarnOfTarFiles(ImageDataset images)
    {
        if (EpochOrder.FilesOf(images.Entries) is null)
        {
            if (options.ShuffleBufferSize != new ResNetTrainer.Options().ShuffleBufferSize)
            {
                Warn([$"{nameof(options.ShuffleBufferSize)} has no effect on images that lie in no tar files: all of them are shuffled."]);
            }

            return;
        }

        int runs = 1 + Enumerable.Range(1, images.Count - 1).Count(row => images.Labels[row] != images.Labels[row - 1]);
        int buffer = options.ShuffleBufferSize, length = images.Count / runs;
        if (images.Count > buffer && length > buffer / 4)
        {
            Warn([string.Create(CultureInfo.InvariantCulture, $"The tar files have {length} images of one class after the other, on average, which a shuffle buffer of {buffer} images doesn't mix: the model will suffer. Shuffle the images when the tar files are written, or raise {nameof(options.ShuffleBufferSize)}.")]);
        }
    }

    private void WarnOfMissingLabels(LabelColumn labels, string set)
    {
        if (labels.MissingCount > 0)
        {
            channel.Warning(
                MessageSensitivity.None,
                "{0} of {1} {2} rows have no label and are left out: their values have no key.",
                labels.MissingCount,
                labels.Classes.Length,
                set);
        }
    }

    /// <summary>One warning of what was left out, and of what is wrong with the rest.</summary>
    private void WarnOfSkipped(string? skipped, IEnumerable<string> warnings)
    {
        string message = string.Join(' ', [.. skipped is null ? Array.Empty<string>() : [skipped], .. warnings]);
        Warn(message.Length == 0 ? [] : [message]);
    }

    private void Warn(IEnumerable<string> messages)
    {
        foreach (string message in messages)
        {
            channel.Warning(MessageSensitivity.None, "{0}", message);
        }
    }
}
