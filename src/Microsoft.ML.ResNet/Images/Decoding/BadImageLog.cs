using System.Globalization;
using System.Runtime.ExceptionServices;

namespace Microsoft.ML.ResNet.Images;

/// <summary>Counts the images of a data set that can't be read, or stops at the first, as the setting says.</summary>
internal sealed class BadImageLog(BadImageHandling handling)
{
    private const int Shown = 5;

    private readonly List<string> _messages = [];

    public int Count { get; private set; }

    /// <summary>Whether an exception is about an image, not about the program.</summary>
    public static bool IsBadImage(Exception exception) => exception is IOException or InvalidDataException or UnauthorizedAccessException;

    /// <exception cref="IOException">The exception itself, where bad images stop the training.</exception>
    public void Add(Exception exception)
    {
        if (handling == BadImageHandling.Throw)
        {
            ExceptionDispatchInfo.Throw(exception);
        }

        Count++;
        if (_messages.Count < Shown)
        {
            _messages.Add(exception.Message);
        }
    }

    /// <summary>One sentence on all of them.</summary>
    public string Summary(int total)
    {
        string more = Count > _messages.Count ? $" And {Count - _messages.Count} more." : "";
        return string.Create(CultureInfo.InvariantCulture, $"{Count} of {total} images can't be read and are left out. {string.Join(" ", _messages)}{more}");
    }
}
