namespace Microsoft.ML.ResNet.Scoring;

/// <summary>The columns that scoring adds to those of the input, and how their values come out of a scored batch.</summary>
internal interface IOutputColumns
{
    /// <summary>The input's columns, then the added ones.</summary>
    DataViewSchema Schema { get; }

    /// <summary>The number of columns that come from the input, with the same indices as there.</summary>
    int InputColumnCount { get; }

    /// <summary>The getter of an added column. <paramref name="locate"/> gives the buffer and the place in it of the current row.</summary>
    Delegate CreateGetter(DataViewSchema.Column column, Func<(ScoreBuffer Buffer, int Row)> locate);
}
