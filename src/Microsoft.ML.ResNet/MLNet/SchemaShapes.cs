using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.MLNet;

/// <summary>Schema shapes, which the pipeline checks before it has data; their columns can't be made by ML.NET's public API.</summary>
internal static class SchemaShapes
{
    public static SchemaShape.Column? Find(SchemaShape shape, string name)
        => shape.TryFindColumn(name, out SchemaShape.Column column) ? column : null;

    /// <param name="role">Begins the error: "Label column".</param>
    /// <exception cref="ArgumentException">The column is missing.</exception>
    public static SchemaShape.Column Require(SchemaShape shape, string name, string role)
        => Find(shape, name)
            ?? throw new ArgumentException($"{role} '{name}' is missing. The data has the columns {string.Join(", ", shape.Select(column => $"'{column.Name}'"))}.");

    /// <summary>How ML.NET's messages name the column's type: <c>Key&lt;UInt32&gt;</c>, <c>Vector&lt;Single&gt;</c>.</summary>
    public static string TypeName(SchemaShape.Column column) => column.GetTypeString();

    /// <summary>The input's columns, with those given added or put in place of columns of the same name.</summary>
    public static SchemaShape With(SchemaShape input, params SchemaShape.Column[] added)
        => new([.. input.Where(column => added.All(other => other.Name != column.Name)), .. added]);

    public static SchemaShape.Column Vector(string name, PrimitiveDataViewType itemType, IEnumerable<SchemaShape.Column> annotations)
        => new(name, SchemaShape.Column.VectorKind.Vector, itemType, isKey: false, new SchemaShape(annotations));

    public static SchemaShape.Column Scalar(string name, DataViewType type)
        => new(name, SchemaShape.Column.VectorKind.Scalar, type, isKey: false, new SchemaShape([]));

    /// <summary>The score column of a classifier, as ML.NET's own multiclass trainers declare it.</summary>
    public static SchemaShape.Column Score(string name, SchemaShape.Column label)
    {
        // ML.NET has slot names for labels of text alone; here numbers name their classes too.
        var slotNames = new SchemaShape.Column(AnnotationUtils.Kinds.SlotNames, SchemaShape.Column.VectorKind.Vector, TextDataViewType.Instance, isKey: false);
        return Vector(
            name,
            NumberDataViewType.Single,
            [slotNames, .. AnnotationUtils.AnnotationsForMulticlassScoreColumn(label).Where(annotation => annotation.Name != slotNames.Name)]);
    }

    /// <summary>The predicted-label column: a key with the label's values.</summary>
    public static SchemaShape.Column PredictedLabel(string name, SchemaShape.Column label)
    {
        IEnumerable<SchemaShape.Column> keyValues = label.Annotations.TryFindColumn(AnnotationUtils.Kinds.KeyValues, out SchemaShape.Column values) ? [values] : [];
        return new SchemaShape.Column(
            name,
            SchemaShape.Column.VectorKind.Scalar,
            NumberDataViewType.UInt32,
            isKey: true,
            new SchemaShape([.. keyValues, .. AnnotationUtils.GetTrainerOutputAnnotation()]));
    }
}
