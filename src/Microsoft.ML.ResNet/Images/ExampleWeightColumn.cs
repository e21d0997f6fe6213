using System.Globalization;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Images;

/// <summary>How much each row counts in the loss.</summary>
internal static class ExampleWeightColumn
{
    /// <summary>Reads the weights of all rows.</summary>
    /// <exception cref="ArgumentException">The column is missing or not of type Single.</exception>
    /// <exception cref="InvalidDataException">A weight is negative or not finite.</exception>
    public static float[] Read(IDataView data, string name, Action checkCancelled)
    {
        DataViewSchema.Column column = data.Schema.GetColumnOrNull(name)
            ?? throw new ArgumentException(
                $"Example weight column '{name}' is missing. The data has the columns {string.Join(", ", data.Schema.Where(c => !c.IsHidden).Select(c => $"'{c.Name}'"))}.");
        if (column.Type != NumberDataViewType.Single)
        {
            throw new ArgumentException($"Example weight column '{name}' has type {column.Type}, expected Single. Add Conversion.ConvertType(\"{name}\") before ResNet.");
        }

        using DataViewRowCursor cursor = data.GetRowCursor([column]);
        ValueGetter<float> getter = cursor.GetGetter<float>(column);
        List<float> weights = [];
        while (cursor.MoveNext())
        {
            float weight = 0;
            getter(ref weight);
            if (!(weight >= 0 && float.IsFinite(weight)))
            {
                throw new InvalidDataException(string.Create(
                    CultureInfo.InvariantCulture, $"Example weight column '{name}' has {weight} in row {weights.Count}, expected a finite number of 0 or more."));
            }

            weights.Add(weight);
            if (weights.Count % 1024 == 0)
            {
                checkCancelled();
            }
        }

        return [.. weights];
    }
}
