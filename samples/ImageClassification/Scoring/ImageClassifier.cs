using ImageClassification.CommandLine;
using ImageClassification.Commands;
using Microsoft.ML.ResNet;

namespace ImageClassification.Scoring;

/// <summary>Classifies images block by block.</summary>
/// <param name="top">The classes of each image, the most probable ones.</param>
internal sealed class ImageClassifier(SavedModel model, int top)
{
    // Enough for the model to work at its full speed, and few enough to see that it goes on.
    private const int BlockSize = 128;

    private readonly float _minimum = model.Network?.MinimumScore ?? 0;

    /// <summary>The results in the order of the images; an image that can't be read gives an error, and the others go on.</summary>
    public IEnumerable<Classification> Classify(IEnumerable<string> images, CancellationToken cancellationToken)
    {
        foreach (string[] block in images.Chunk(BlockSize))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (Classification result in OfBlock(block))
            {
                yield return result;
            }
        }
    }

    /// <summary>All at once; where one of them can't be read, in halves, so that it alone fails.</summary>
    private IEnumerable<Classification> OfBlock(string[] files)
    {
        try
        {
            return model.Classify(files).Select((scores, i) =>
            {
                if (!scores.All(float.IsFinite))
                {
                    string reason = model.Network?.BadImages == BadImageHandling.Skip ? "the image can't be read." : "its training diverged. Train it anew, in smaller batches (--batch).";
                    return new Classification(files[i], [], $"The model's scores of '{files[i]}' are NaN: {reason}");
                }

                ClassProbability[] classes = [.. model.ClassNames.Zip(scores, (name, score) => new ClassProbability(name, score)).OrderByDescending(of => of.Probability).Take(top)];
                return new Classification(files[i], classes, Error: null) { PredictedLabel = classes[0].Probability >= _minimum ? classes[0].Class : null };
            });
        }
        catch (Exception exception) when (Failure.IsOfUser(exception))
        {
            return files.Length == 1
                ? [new Classification(files[0], [], exception.Message)]
                : [.. OfBlock(files[..(files.Length / 2)]), .. OfBlock(files[(files.Length / 2)..])];
        }
    }
}
