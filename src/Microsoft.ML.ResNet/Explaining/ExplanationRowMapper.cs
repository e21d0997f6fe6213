using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.ResNet.Explaining;

/// <summary>Makes the picture of a row.</summary>
internal sealed class ExplanationRowMapper : IRowToRowMapper
{
    private readonly ResNetTransformer _classifier;
    private readonly ExplanationColumns _columns;
    private readonly DataViewSchema.Column _input;

    public ExplanationRowMapper(DataViewSchema inputSchema, ResNetTransformer classifier, ExplanationColumns columns)
    {
        _classifier = classifier;
        _columns = columns;
        _input = Require(inputSchema, columns.Input);
        InputSchema = inputSchema;
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(inputSchema);
        builder.AddColumn(columns.Output, TypeOf(classifier));
        OutputSchema = builder.ToSchema();
    }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    private int OutputIndex => InputSchema.Count;

    /// <summary>Of one size for all rows, by which classes with <c>[ImageType]</c> take it.</summary>
    public static ImageDataViewType TypeOf(ResNetTransformer classifier)
    {
        var (width, height) = ExplanationColumns.SizeFor(classifier);
        return new ImageDataViewType(height, width);
    }

    /// <exception cref="ArgumentException">The column is missing, or of a type that holds no images.</exception>
    public static DataViewSchema.Column Require(DataViewSchema schema, string name)
    {
        DataViewSchema.Column column = DataViewColumns.Require(schema, name, "Column");
        return ImageColumn.ImageKindOf(column.Type) is not null
            ? column
            : throw new ArgumentException($"Column '{name}' has type {column.Type}, expected Text (the path of an image file), a vector of Byte (the content of one), or MLImage.");
    }

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        HashSet<int> needed = [.. dependingColumns.Select(column => column.Index == OutputIndex ? _input.Index : column.Index)];
        return InputSchema.Where(column => needed.Contains(column.Index));
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) => new AddedColumnRow(OutputSchema, input, [.. activeColumns.Select(column => column.Index)], () => CreateGetter(input));

    private ValueGetter<MLImage> CreateGetter(DataViewRow input)
    {
        Func<ImageExplanation> explain = Explainer(input);
        var (width, height) = ExplanationColumns.SizeFor(_classifier);
        return (ref MLImage value) =>
        {
            try
            {
                value = explain().ToInputImage(width, height, _columns.Opacity);
            }
            catch (Exception exception) when (_classifier.BadImages == BadImageHandling.Skip && BadImageLog.IsBadImage(exception))
            {
                // ML.NET's missing image, as LoadImages gives it.
                value = null!;
            }
        };
    }

    private Func<ImageExplanation> Explainer(DataViewRow row)
    {
        switch (ImageColumn.ImageKindOf(_input.Type))
        {
            case FeatureKind.Path:
                ValueGetter<ReadOnlyMemory<char>> getPath = FeatureGetter.Of<ReadOnlyMemory<char>>(row, _input, () => row.Position);
                ReadOnlyMemory<char> path = default;
                return () =>
                {
                    getPath(ref path);
                    return path.IsEmpty ? throw ImagePath.Empty(row.Position) : _classifier.Explain(path.ToString(), stage: _columns.Stage);
                };
            case FeatureKind.EncodedBytes:
                ValueGetter<VBuffer<byte>> getBytes = FeatureGetter.Of<VBuffer<byte>>(row, _input, () => row.Position);
                VBuffer<byte> content = default;
                return () =>
                {
                    getBytes(ref content);
                    return _classifier.Explain(EncodedBytes.Copy(in content), stage: _columns.Stage);
                };
            default:
                ValueGetter<MLImage> getImage = FeatureGetter.Of<MLImage>(row, _input, () => row.Position);
                MLImage? image = null;
                return () =>
                {
                    getImage(ref image!);
                    return image is null ? throw new InvalidDataException($"Row {row.Position} has no image, expected an MLImage.") : _classifier.Explain(image, stage: _columns.Stage);
                };
        }
    }
}
