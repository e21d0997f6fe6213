using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageScoringApi.Scoring;

/// <summary>What a loaded pipeline is made of.</summary>
internal static class ModelParts
{
    /// <summary>The transformers of a pipeline and of the pipelines in it, in their order.</summary>
    public static IEnumerable<ITransformer> Of(ITransformer model) => model is IEnumerable<ITransformer> chain ? chain.SelectMany(Of) : [model];

    /// <summary>
    /// The pipeline without the transform that reads the files of a column of paths (LoadImages, LoadRawImageBytes), and the column that it would write: an
    /// upload is no file, and takes the place of what is read from one. Null where no transform reads the files of this column, and of it alone.
    /// </summary>
    public static (ITransformer Remaining, string Image)? WithoutReadingFiles(ITransformer model, string pathColumn)
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumn(pathColumn, TextDataViewType.Instance);
        DataViewSchema path = builder.ToSchema();
        foreach (ImageLoadingTransformer reader in Of(model).OfType<ImageLoadingTransformer>())
        {
            try
            {
                if (reader.GetOutputSchema(path).Where(column => !column.IsHidden && column.Type is not TextDataViewType).ToArray() is [var image])
                {
                    return (new TransformerChain<ITransformer>([.. Of(model).Where(part => part != reader)]), image.Name);
                }
            }
            catch (ArgumentException)
            {
                // It reads the files of another column.
            }
        }

        return null;
    }

    /// <summary>Whether an output column is computed from this one of the input columns, and from no other.</summary>
    /// <exception cref="InvalidOperationException">The model doesn't take the input, or not row by row.</exception>
    public static bool DependsOnAlone(ITransformer model, DataViewSchema input, string output, string column)
    {
        IRowToRowMapper mapper = model.GetRowToRowMapper(input);
        return mapper.GetDependencies([mapper.OutputSchema[output]]).Select(needed => needed.Name).Distinct().SequenceEqual([column]);
    }
}
