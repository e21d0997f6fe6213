using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>A row of the input with one more column behind the input's, whose value is computed when it is asked for.</summary>
/// <param name="schema">The input's columns, then the added one.</param>
/// <param name="active">The numbers of the columns that are asked for.</param>
/// <param name="createGetter">Makes the <c>ValueGetter</c> of the added column.</param>
internal sealed class AddedColumnRow(DataViewSchema schema, DataViewRow input, HashSet<int> active, Func<Delegate> createGetter) : DataViewRow
{
    public override DataViewSchema Schema => schema;

    public override long Position => input.Position;

    public override long Batch => input.Batch;

    public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!IsColumnActive(column))
        {
            throw new InvalidOperationException($"Column '{column.Name}' is not active in this row.");
        }

        return column.Index < input.Schema.Count
            ? input.GetGetter<TValue>(input.Schema[column.Index])
            : createGetter() as ValueGetter<TValue>
                ?? throw new InvalidOperationException($"Column '{column.Name}' has type {column.Type}, but was asked for as {typeof(TValue)}.");
    }
}
