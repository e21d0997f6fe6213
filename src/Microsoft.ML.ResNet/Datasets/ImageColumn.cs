using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>The image column of a data set: what it holds, and, for pixels, their size and order.</summary>
internal sealed record ImageColumn
{
    public required string Name { get; init; }

    public required FeatureKind Kind { get; init; }

    /// <summary>Pixels only.</summary>
    public int Width { get; init; }

    /// <summary>Pixels only.</summary>
    public int Height { get; init; }

    /// <summary>3 (RGB) or 1 (grey).</summary>
    public int Channels { get; init; } = 3;

    /// <summary>Pixels only: [channels, height, width] instead of [height, width, channels].</summary>
    public bool IsPlanar { get; init; }

    /// <summary>Pixels only: how NormalizePixels made them, or null where it didn't.</summary>
    public PixelNormalization? Normalization { get; init; }

    /// <summary>The types that hold whole images, for errors.</summary>
    private const string ImageTypes = "Text (the path of an image file), a vector of Byte (the content of one), or MLImage";

    /// <summary>The types that hold images or pixels, for errors.</summary>
    public const string Types = "Text (the path of an image file), a vector of Byte (the content of one), MLImage, or a vector of Single with dimensions [channels, height, width] (pixels)";

    /// <summary>Recognises the column that trains a network.</summary>
    /// <param name="imageSize">The width and height of a pixel vector whose type doesn't say them.</param>
    /// <exception cref="ArgumentException">It is missing, or its type is none that holds images.</exception>
    public static ImageColumn Of(DataViewSchema schema, string name, PixelLayout layout, int? imageSize = null)
    {
        DataViewSchema.Column column = DataViewColumns.Require(schema, name, "Feature column", " Set FeatureColumnName to the one that has the images, or their paths.");
        DataViewType type = column.Type;
        if (ImageKindOf(type) is { } kind)
        {
            return new ImageColumn { Name = name, Kind = kind };
        }

        return type switch
        {
            VectorDataViewType { ItemType: NumberDataViewType item } vector when item == NumberDataViewType.Single
                => OfPixels(name, vector, layout, imageSize) with { Normalization = PixelNormalization.Of(column) },
            _ => throw new ArgumentException(
                $"Feature column '{name}' has type {type}, expected {Types}. Point FeatureColumnName to such a column, or add LoadImages or ExtractPixels before ResNet."),
        };
    }

    /// <summary>Checks the type of an image column before there is data.</summary>
    /// <param name="role">Begins an error: "Feature column".</param>
    /// <param name="advice">Ends it: what to do.</param>
    /// <exception cref="ArgumentException">The type is none that holds images.</exception>
    public static void Check(SchemaShape.Column column, string role, string advice)
    {
        bool isScalar = column.Kind == SchemaShape.Column.VectorKind.Scalar;
        bool isPathOrImage = isScalar && (column.ItemType is TextDataViewType or ImageDataViewType);
        bool isBytes = !isScalar && column.ItemType == NumberDataViewType.Byte;
        bool isPixels = column.Kind == SchemaShape.Column.VectorKind.Vector && column.ItemType == NumberDataViewType.Single;
        if (column.IsKey || !(isPathOrImage || isBytes || isPixels))
        {
            throw new ArgumentException($"{role} '{column.Name}' has type {SchemaShapes.TypeName(column)}, expected {Types}. {advice}");
        }
    }

    /// <summary>
    /// What a column of this type holds, if it is whole images: their paths, their files' content or <c>MLImage</c>. All of these become network input in the
    /// same way, so that a model scores each of them, whichever it was trained on. Null for pixels and for all else.
    /// </summary>
    public static FeatureKind? ImageKindOf(DataViewType type) => type switch
    {
        TextDataViewType => FeatureKind.Path,
        ImageDataViewType => FeatureKind.Image,
        VectorDataViewType { ItemType: NumberDataViewType item } when item == NumberDataViewType.Byte => FeatureKind.EncodedBytes,
        _ => null,
    };

    /// <summary>The column of a data set to be scored: for a model of pixels pixels of the same shape, for one of images any type that holds images.</summary>
    /// <exception cref="ArgumentException">It is missing, or of a type that the model can't score.</exception>
    public DataViewSchema.Column BindForScoring(DataViewSchema schema)
    {
        if (Kind == FeatureKind.Pixels)
        {
            return Bind(schema);
        }

        DataViewSchema.Column column = DataViewColumns.Require(schema, Name, "Feature column");
        return ImageKindOf(column.Type) is not null
            ? column
            : throw new ArgumentException(
                $"Feature column '{Name}' has type {column.Type}, expected {ImageTypes}: the model was trained on images, not on pixel vectors.");
    }

    /// <summary>Checks that a data set has the column of the training data, with its type.</summary>
    /// <param name="role">Begins an error: "Feature column", "Feature column of the validation set".</param>
    /// <param name="reference">Ends it: where the type comes from.</param>
    /// <exception cref="ArgumentException">It is missing, or of another type.</exception>
    public DataViewSchema.Column Bind(DataViewSchema schema, string role = "Feature column", string reference = "as in the data that the model was trained on")
    {
        DataViewSchema.Column column = DataViewColumns.Require(schema, Name, role);
        string? expected = Kind switch
        {
            FeatureKind.Path when column.Type is not TextDataViewType => "Text (the path of an image file)",
            FeatureKind.Image when column.Type is not ImageDataViewType => "MLImage",
            FeatureKind.EncodedBytes when column.Type is not VectorDataViewType { ItemType: NumberDataViewType item } || item != NumberDataViewType.Byte
                => "a vector of Byte (the content of an image file)",
            FeatureKind.Pixels when column.Type is not VectorDataViewType { ItemType: NumberDataViewType item } vector
                || item != NumberDataViewType.Single || vector.Size != Width * Height * Channels || IsOtherwiseArranged(vector)
                => $"a vector of {Width * Height * Channels} Single (pixels {string.Join(" x ", Dimensions)})",
            _ => null,
        };
        if (expected is not null)
        {
            throw new ArgumentException($"{role} '{Name}' has type {column.Type}, expected {expected}, {reference}.");
        }

        CheckNormalization(column, role, reference);
        return column;
    }

    /// <summary>Other numbers than the training data's give scores that mean nothing, and the values don't tell.</summary>
    private void CheckNormalization(DataViewSchema.Column column, string role, string reference)
    {
        if (Normalization is { } trained && PixelNormalization.Of(column) is { } given && given.Channels == trained.Channels && !given.IsLike(trained.Mean, trained.StandardDeviation))
        {
            throw new ArgumentException(
                $"{role} '{Name}' is normalised with {given}, expected {trained}, {reference}. Give these to NormalizePixels, or transform the data with the fitted pipeline.");
        }
    }

    /// <summary>Whether a type has the three dimensions of an image, and not those of this one. One channel has the same order either way.</summary>
    private bool IsOtherwiseArranged(VectorDataViewType type)
        => type.Dimensions.Length == 3 && !type.Dimensions.SequenceEqual(Dimensions) && !(Channels == 1 && type.Dimensions.SequenceEqual([.. IsPlanar ? [Height, Width, 1] : new[] { 1, Height, Width }]));

    /// <summary>A vector without dimensions, of square images whose size is an option.</summary>
    private static ImageColumn OfFlatPixels(string name, VectorDataViewType type, PixelLayout layout, int size)
    {
        int channels = type.Size / (size * size);
        if (channels is not (1 or 3) || type.Size % (size * size) != 0)
        {
            throw new ArgumentException(
                $"Feature column '{name}' has {(type.Size == 0 ? "no fixed number of" : type.Size)} values, expected {size * size} or {3 * size * size}, as ImageSize {size} says.");
        }

        if (channels == 3 && layout == PixelLayout.Auto)
        {
            throw new ArgumentException(
                $"Feature column '{name}' has pixels of three channels, but its type {type} doesn't say in which order. Set PixelLayout to Planar or Interleaved.");
        }

        return new ImageColumn
        {
            Name = name,
            Kind = FeatureKind.Pixels,
            IsPlanar = layout != PixelLayout.Interleaved,
            Channels = channels,
            Height = size,
            Width = size,
        };
    }

    /// <summary>Of two possible orders that with three channels: a colour picture of one row is likelier than a grey one of three columns.</summary>
    private static bool? Preferred(int first, int last) => (first, last) switch
    {
        (3, 1) => true,
        (1, 3) => false,
        (1, 1) => true, // The order of one channel's values is the same either way.
        _ => null,
    };

    private int[] Dimensions => IsPlanar ? [Channels, Height, Width] : [Height, Width, Channels];

    private static ImageColumn OfPixels(string name, VectorDataViewType type, PixelLayout layout, int? imageSize)
    {
        if (type.Dimensions.Length == 1 && imageSize is { } size)
        {
            return OfFlatPixels(name, type, layout, size);
        }

        if (type.Dimensions.Length != 3 || type.Dimensions.Any(size => size <= 0))
        {
            throw new ArgumentException(
                $"Feature column '{name}' has type {type} without the three dimensions of an image, expected [channels, height, width] or "
                + "[height, width, channels]. ExtractPixels gives them; in a class of your own, put [VectorType(3, 224, 224)] on the member; or set "
                + "ImageSize and PixelLayout, for square images.");
        }

        bool mayBePlanar = type.Dimensions[0] is 1 or 3, mayBeInterleaved = type.Dimensions[2] is 1 or 3;
        bool? isPlanar = layout switch
        {
            PixelLayout.Planar => mayBePlanar ? true : null,
            PixelLayout.Interleaved => mayBeInterleaved ? false : null,
            _ when mayBePlanar && mayBeInterleaved => Preferred(type.Dimensions[0], type.Dimensions[2]),
            _ => mayBePlanar || mayBeInterleaved ? mayBePlanar : null,
        };
        if (isPlanar is not { } planar)
        {
            string dimensions = string.Join(" x ", type.Dimensions);
            throw new ArgumentException(
                layout == PixelLayout.Auto && mayBePlanar
                    ? $"Feature column '{name}' has dimensions {dimensions}, which may be planar or interleaved. Set PixelLayout to say which, or resize the images."
                    : $"Feature column '{name}' has dimensions {dimensions}, which is no image of 1 or 3 channels with PixelLayout {layout}. "
                        + "Expected [channels, height, width] or [height, width, channels]; ExtractPixels must not extract alpha.");
        }

        return new ImageColumn
        {
            Name = name,
            Kind = FeatureKind.Pixels,
            IsPlanar = planar,
            Channels = type.Dimensions[planar ? 0 : 2],
            Height = type.Dimensions[planar ? 1 : 0],
            Width = type.Dimensions[planar ? 2 : 1],
        };
    }
}
