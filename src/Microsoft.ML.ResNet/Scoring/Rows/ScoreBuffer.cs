using System.Runtime.ExceptionServices;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// A batch of images that is read row by row and scored at once. An image that can't be read spoils its own row only: asking for that
/// row's score throws, or gives NaN, as the model's setting says.
/// </summary>
internal sealed class ScoreBuffer(ImageScorer scorer, BadImageHandling badImages, int capacity, float minimumScore)
{
    private readonly byte[] _pixels = GC.AllocateUninitializedArray<byte>(capacity * scorer.ImageByteCount);
    private readonly float[] _scores = new float[capacity * scorer.OutputLength];
    private readonly ExceptionDispatchInfo?[] _faults = new ExceptionDispatchInfo?[capacity];
    private readonly TakenImage?[] _taken = new TakenImage?[capacity];

    public int Capacity => capacity;

    public int Count { get; private set; }

    public void Clear() => Count = 0;

    /// <summary>Reads the image of the reader's current row as the next of the batch.</summary>
    public void Add(ImageRowReader reader)
    {
        int place = Count++;
        _taken[place] = null;
        Fill(place, reader.Read);
    }

    /// <summary>Takes the image of the reader's current row as the next of the batch, to be read by <see cref="ReadTaken"/> where that can be.</summary>
    public void Take(ImageRowReader reader)
    {
        int place = Count++;
        try
        {
            _faults[place] = null;
            _taken[place] = reader.Take();
        }
        catch (Exception exception) when (BadImageLog.IsBadImage(exception))
        {
            _taken[place] = null;
            Spoil(place, exception);
            return;
        }

        if (_taken[place] is null)
        {
            Fill(place, reader.Read);
        }
    }

    /// <summary>Reads the images that were taken, several at once.</summary>
    /// <param name="threads">The most that are read at once.</param>
    public void ReadTaken(int threads)
    {
        try
        {
            Parallel.For(0, Count, new ParallelOptions { MaxDegreeOfParallelism = threads }, place =>
            {
                if (_taken[place] is { } image)
                {
                    _taken[place] = null;
                    Fill(place, image);
                }
            });
        }
        catch (AggregateException exception)
        {
            // As one thread would throw it.
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }
    }

    public void Score()
    {
        scorer.Score(_pixels, Count, _scores);
        for (int i = 0; i < Count; i++)
        {
            if (_faults[i] is not null)
            {
                _scores.AsSpan(i * scorer.OutputLength, scorer.OutputLength).Fill(float.NaN);
            }
        }
    }

    /// <summary>The values, probabilities or features, of a row of the batch.</summary>
    /// <exception cref="IOException">The row's image couldn't be read, and the model throws on bad images.</exception>
    public void GetVector(int row, ref VBuffer<float> value)
    {
        VBufferEditor<float> editor = VBufferEditor.Create(ref value, scorer.OutputLength);
        Row(row).CopyTo(editor.Values);
        value = editor.Commit();
    }

    /// <summary>The key of the most probable class of a row of the batch, or 0 (missing) where its image couldn't be read, or where its probability is below the minimum.</summary>
    /// <exception cref="IOException">The row's image couldn't be read, and the model throws on bad images.</exception>
    public uint GetPredictedLabel(int row)
    {
        ReadOnlySpan<float> scores = Row(row);
        int best = 0;
        for (int i = 1; i < scores.Length; i++)
        {
            best = scores[i] > scores[best] ? i : best;
        }

        return scores[best] >= minimumScore ? (uint)best + 1 : 0;
    }

    private void Fill(int place, TakenImage read)
    {
        try
        {
            read(Room(place));
            _faults[place] = null;
        }
        catch (Exception exception) when (BadImageLog.IsBadImage(exception))
        {
            Spoil(place, exception);
        }
    }

    private void Spoil(int place, Exception fault)
    {
        Room(place).Clear();
        _faults[place] = ExceptionDispatchInfo.Capture(fault);
    }

    private Span<byte> Room(int place) => _pixels.AsSpan(place * scorer.ImageByteCount, scorer.ImageByteCount);

    private ReadOnlySpan<float> Row(int row)
    {
        if (badImages == BadImageHandling.Throw)
        {
            _faults[row]?.Throw();
        }

        return _scores.AsSpan(row * scorer.OutputLength, scorer.OutputLength);
    }
}
