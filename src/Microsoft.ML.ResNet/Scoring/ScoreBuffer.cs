using System.Runtime.ExceptionServices;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// A batch of images that is read row by row and scored at once. An image that can't be read spoils its own row only: asking for that
/// row's score throws, or gives NaN, as the model's setting says.
/// </summary>
internal sealed class ScoreBuffer(ImageScorer scorer, BadImageHandling badImages, int capacity)
{
    private readonly byte[] _pixels = GC.AllocateUninitializedArray<byte>(capacity * scorer.Format.ByteCount);
    private readonly float[] _scores = new float[capacity * scorer.OutputLength];
    private readonly ExceptionDispatchInfo?[] _faults = new ExceptionDispatchInfo?[capacity];

    public int Capacity => capacity;

    public int Count { get; private set; }

    public void Clear() => Count = 0;

    /// <summary>Reads the image of the reader's current row as the next of the batch.</summary>
    public void Add(ImageRowReader reader)
    {
        Span<byte> room = _pixels.AsSpan(Count * scorer.Format.ByteCount, scorer.Format.ByteCount);
        try
        {
            reader.Read(room);
            _faults[Count] = null;
        }
        catch (Exception exception) when (BadImageLog.IsBadImage(exception))
        {
            room.Clear();
            _faults[Count] = ExceptionDispatchInfo.Capture(exception);
        }

        Count++;
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

    /// <summary>The key of the most probable class of a row of the batch, or 0 (missing) where its image couldn't be read.</summary>
    /// <exception cref="IOException">The row's image couldn't be read, and the model throws on bad images.</exception>
    public uint GetPredictedLabel(int row)
    {
        ReadOnlySpan<float> scores = Row(row);
        int best = 0;
        for (int i = 1; i < scores.Length; i++)
        {
            best = scores[i] > scores[best] ? i : best;
        }

        return float.IsNaN(scores[best]) ? 0 : (uint)best + 1;
    }

    private ReadOnlySpan<float> Row(int row)
    {
        if (badImages == BadImageHandling.Throw)
        {
            _faults[row]?.Throw();
        }

        return _scores.AsSpan(row * scorer.OutputLength, scorer.OutputLength);
    }
}
