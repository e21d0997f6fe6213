using System.Runtime.ExceptionServices;

namespace Microsoft.ML.ResNet.Images;

/// <summary>An image of a row that has been read but not decoded.</summary>
internal abstract class PendingImage
{
    /// <summary>Width and height of the upright image, without decoding it.</summary>
    /// <exception cref="IOException">It can't be read (or another exception of <see cref="BadImageLog.IsBadImage"/>).</exception>
    public abstract (int Width, int Height) ReadSize();

    /// <summary>Decodes the image to the size that training keeps.</summary>
    /// <exception cref="IOException">It can't be read (or another exception of <see cref="BadImageLog.IsBadImage"/>).</exception>
    public abstract PixelImage Load(TrainingImageFitter fitter);

    /// <summary>Tells the image from another one; to be asked for before <see cref="Load"/>.</summary>
    public abstract ulong Fingerprint();

    /// <summary>An image file, opened when it is loaded.</summary>
    public sealed class OfFile(ImageFile file, int row) : PendingImage
    {
        public override (int Width, int Height) ReadSize()
        {
            using EncodedFile content = EncodedFile.Read(Required);
            return SizeOf(content.Content, content.Source);
        }

        public override PixelImage Load(TrainingImageFitter fitter)
        {
            using EncodedFile content = EncodedFile.Read(Required);
            return fitter.Load(content.Content, content.Source);
        }

        public override ulong Fingerprint() => Images.Fingerprint.OfFile(file);

        private ImageFile Required => file switch
        {
            { Path: null or "" } => throw ImagePath.Empty(row),
            { IsMember: false } => ImageFile.Find(file.Path), // A path into a tar file that could not be read says why.
            _ => file,
        };
    }

    /// <summary>An image file that has been read.</summary>
    public sealed class OfContent(EncodedFile content) : PendingImage
    {
        public override (int Width, int Height) ReadSize() => SizeOf(content.Content, content.Source);

        public override PixelImage Load(TrainingImageFitter fitter)
        {
            using (content)
            {
                return fitter.Load(content.Content, content.Source);
            }
        }

        public override ulong Fingerprint() => Images.Fingerprint.OfBytes(content.Content.Span);
    }

    /// <summary>The bytes of an image file.</summary>
    public sealed class OfBytes(byte[] content, int row) : PendingImage
    {
        private readonly string _source = EncodedBytes.Source(row);

        public override (int Width, int Height) ReadSize() => SizeOf(content, _source);

        public override PixelImage Load(TrainingImageFitter fitter) => fitter.Load(content, _source);

        public override ulong Fingerprint() => Images.Fingerprint.OfBytes(content);
    }

    /// <summary>A copy of a decoded image.</summary>
    public sealed class OfPixels(PixelImage image) : PendingImage
    {
        public override (int Width, int Height) ReadSize() => (image.Width, image.Height);

        public override PixelImage Load(TrainingImageFitter fitter)
        {
            using (image)
            {
                return fitter.Load(image);
            }
        }

        public override ulong Fingerprint() => Images.Fingerprint.OfBytes(image.Span) + ((ulong)image.Width << 32);
    }

    /// <summary>An image that couldn't be read from its row.</summary>
    public sealed class Bad(Exception fault) : PendingImage
    {
        public override (int Width, int Height) ReadSize() => throw Fault;

        public override PixelImage Load(TrainingImageFitter fitter) => throw Fault;

        public override ulong Fingerprint() => 0;

        private Exception Fault
        {
            get
            {
                ExceptionDispatchInfo.Throw(fault);
                return fault;
            }
        }
    }

    private static (int Width, int Height) SizeOf(ReadOnlyMemory<byte> content, string source)
    {
        using EncodedImage image = EncodedImage.Open(content, source, ImageDecoder.DefaultMaxPixels);
        return (image.Width, image.Height);
    }
}
