using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace ImageScoringApi.Scoring;

/// <summary>A row of a model's input: an image, and the label that pipelines of training data read and scoring ignores.</summary>
internal abstract class ImageRow : IDisposable
{
    /// <summary>The properties' names; a model's own names of the columns take their place.</summary>
    public const string ImageProperty = "Image", LabelProperty = nameof(Label);

    public string Label { get; set; } = "";

    /// <summary>Sets the image to the content of a file.</summary>
    /// <exception cref="ArgumentException">It is no image.</exception>
    public abstract void SetContent(byte[] content);

    public virtual void Dispose()
    {
    }
}

/// <summary>For models that decode images themselves.</summary>
internal sealed class EncodedImageRow : ImageRow
{
    public byte[] Image { get; set; } = [];

    public override void SetContent(byte[] content) => Image = content;
}

/// <summary>For pipelines that begin with ML.NET's own image transforms.</summary>
internal sealed class DecodedImageRow : ImageRow
{
    // ML.NET wants a size here. Images come in any: the model's pipeline resizes them.
    [ImageType(1, 1)]
    public MLImage? Image { get; set; }

    public override void SetContent(byte[] content)
    {
        using var stream = new MemoryStream(content, writable: false);
        Image = MLImage.CreateFromStream(stream);
    }

    public override void Dispose() => Image?.Dispose();
}
