using System.Globalization;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>How much each row counts in the loss.</summary>
internal static class ExampleWeightColumn
{
    /// <summary>The column of a data set.</summary>
    /// <exception cref="ArgumentException">The column is missing or not of type Single.</exception>
    public static DataViewSchema.Column Find(DataViewSchema schema, string name)
    {
        DataViewSchema.Column column = DataViewColumns.Require(schema, name, "Example weight column");
        return column.Type == NumberDataViewType.Single
            ? column
            : throw new ArgumentException($"Example weight column '{name}' has type {column.Type}, expected Single. Add Conversion.ConvertType(\"{name}\") before ResNet.");
    }

    /// <summary>The weight of the current row, whose number is given.</summary>
    /// <returns>Throws <see cref="InvalidDataException"/> where the weight is negative or not finite.</returns>
    public static Func<int, float> Getter(DataViewRow values, DataViewSchema.Column column)
    {
        ValueGetter<float> getter = values.GetGetter<float>(column);
        return row =>
        {
            float weight = 0;
            getter(ref weight);
            return weight >= 0 && float.IsFinite(weight)
                ? weight
                : throw new InvalidDataException(string.Create(
                    CultureInfo.InvariantCulture, $"Example weight column '{column.Name}' has {weight} in row {row}, expected a finite number of 0 or more."));
        };
    }
}
