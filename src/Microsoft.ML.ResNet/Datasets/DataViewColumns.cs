
namespace Microsoft.ML.ResNet.Datasets;

/// <summary>Finds columns of a data set by name.</summary>
internal static class DataViewColumns
{
    /// <param name="role">Begins the error: "Label column", "Feature column of the validation set".</param>
    /// <param name="advice">Ends it.</param>
    /// <exception cref="ArgumentException">The column is missing.</exception>
    public static DataViewSchema.Column Require(DataViewSchema schema, string name, string role, string advice = "")
        => schema.GetColumnOrNull(name)
            ?? throw new ArgumentException(
                $"{role} '{name}' is missing. The data has the columns {string.Join(", ", schema.Where(column => !column.IsHidden).Select(column => $"'{column.Name}'"))}.{advice}");
}
