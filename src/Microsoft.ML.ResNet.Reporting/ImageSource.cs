using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Reporting;

/// <summary>An image of the data: a file, or the content of one.</summary>
internal sealed record ImageContent(string? Path, byte[]? Bytes)
{
    public string? Name => Path is null ? null : System.IO.Path.Join(System.IO.Path.GetFileName(System.IO.Path.GetDirectoryName(Path)), System.IO.Path.GetFileName(Path));

    public byte[] Read() => Bytes ?? File.ReadAllBytes(Path!);
}

/// <summary>Where the images of a data set that can be shown come from: a column of paths or of the files' content. Pixel vectors are not shown.</summary>
internal sealed class ImageSource(DataViewSchema.Column? column)
{
    public bool IsNone => column is null;

    public static ImageSource Of(DataViewSchema schema, string columnName)
        => new(schema.GetColumnOrNull(columnName) is { } column && (column.Type is TextDataViewType || IsBytes(column.Type)) ? column : null);

    /// <summary>Reads the image of the cursor's row.</summary>
    public Func<ImageContent?> Reader(DataViewRow row)
    {
        if (column is not { } known)
        {
            return () => null;
        }

        DataViewSchema.Column own = row.Schema[known.Name];
        if (IsBytes(own.Type))
        {
            ValueGetter<VBuffer<byte>> bytes = row.GetGetter<VBuffer<byte>>(own);
            VBuffer<byte> content = default;
            return () =>
            {
                bytes(ref content);
                return new ImageContent(null, [.. content.DenseValues()]);
            };
        }

        ValueGetter<ReadOnlyMemory<char>> path = row.GetGetter<ReadOnlyMemory<char>>(own);
        ReadOnlyMemory<char> text = default;
        return () =>
        {
            path(ref text);
            return new ImageContent(text.ToString(), null);
        };
    }

    private static bool IsBytes(DataViewType type) => type is VectorDataViewType { ItemType: NumberDataViewType item } && item == NumberDataViewType.Byte;
}
