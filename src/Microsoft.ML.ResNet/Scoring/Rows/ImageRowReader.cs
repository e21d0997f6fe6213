using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>Reads an image that was taken from a row before; on any thread.</summary>
/// <param name="destination">One image in the model's <see cref="InputFormat"/>.</param>
/// <exception cref="IOException">The image can't be read or decoded; the message has the path or the row.</exception>
internal delegate void TakenImage(Span<byte> destination);

/// <summary>Reads the image of the current row of a cursor into a batch buffer.</summary>
internal abstract class ImageRowReader
{
    /// <summary>Reads the image.</summary>
    /// <param name="destination">One image in the model's <see cref="InputFormat"/>.</param>
    /// <exception cref="IOException">The image can't be read or decoded; the message has the path or the row.</exception>
    public abstract void Read(Span<byte> destination);

    /// <summary>Takes from the current row what its image is read from, so that it is decoded later and beside others.</summary>
    /// <returns>Null where the image has to be read while the cursor is on its row.</returns>
    /// <exception cref="IOException">The row has no image.</exception>
    public virtual TakenImage? Take() => null;

    /// <summary>The reader of a column, by the column's own type: a model of images scores paths, files' content and <c>MLImage</c> alike.</summary>
    public static ImageRowReader Create(DataViewRow row, DataViewSchema.Column column, ImageColumn description, PixelValues values, ImagePreprocessor? preprocessor, string? imageFolder)
        => ImageColumn.ImageKindOf(column.Type) switch
        {
            FeatureKind.Path => new PathReader(FeatureGetter.Of<ReadOnlyMemory<char>>(row, column, () => row.Position), row, preprocessor!, imageFolder),
            FeatureKind.EncodedBytes => new EncodedReader(FeatureGetter.Of<VBuffer<byte>>(row, column, () => row.Position), row, preprocessor!),
            FeatureKind.Image => new MLImageReader(FeatureGetter.Of<MLImage>(row, column, () => row.Position), row, column.Name, preprocessor!),
            _ => new PixelReader(FeatureGetter.Of<VBuffer<float>>(row, column, () => row.Position), row, description, values),
        };

    private sealed class PathReader(ValueGetter<ReadOnlyMemory<char>> getter, DataViewRow row, ImagePreprocessor preprocessor, string? imageFolder) : ImageRowReader
    {
        public override void Read(Span<byte> destination) => preprocessor.LoadFile(File(), destination);

        public override TakenImage? Take()
        {
            string file = File();
            return destination => preprocessor.LoadFile(file, destination);
        }

        private string File()
        {
            ReadOnlyMemory<char> path = default;
            getter(ref path);
            string file = ImagePath.Combine(path, imageFolder);
            return file.Length > 0 ? file : throw ImagePath.Empty(row.Position);
        }
    }

    private sealed class EncodedReader(ValueGetter<VBuffer<byte>> getter, DataViewRow row, ImagePreprocessor preprocessor) : ImageRowReader
    {
        private VBuffer<byte> _content;

        public override void Read(Span<byte> destination)
        {
            getter(ref _content);
            preprocessor.Load(EncodedBytes.Copy(in _content), EncodedBytes.Source(row.Position), destination);
        }

        public override TakenImage? Take()
        {
            getter(ref _content);
            byte[] encoded = EncodedBytes.Copy(in _content);
            string source = EncodedBytes.Source(row.Position);
            return destination => preprocessor.Load(encoded, source, destination);
        }
    }

    private sealed class MLImageReader(ValueGetter<MLImage> getter, DataViewRow row, string column, ImagePreprocessor preprocessor) : ImageRowReader
    {
        // LoadImages disposes the image of the row before when it gets this one; an image of the caller's is never disposed here.
        private MLImage? _image;

        public override void Read(Span<byte> destination)
        {
            getter(ref _image!);
            using PixelImage pixels = FeatureGetter.Pixels(_image, column, row.Position);
            preprocessor.Load(pixels, destination);
        }
    }

    private sealed class PixelReader(ValueGetter<VBuffer<float>> getter, DataViewRow row, ImageColumn column, PixelValues meaning) : ImageRowReader
    {
        private VBuffer<float> _values;

        public override void Read(Span<byte> destination)
        {
            getter(ref _values);
            Span<float> target = MemoryMarshal.Cast<byte, float>(destination);
            PixelVector.CopyTo(in _values, target, column.Name, row.Position);
            meaning.Check(target, column.Name, row.Position);
        }
    }
}
