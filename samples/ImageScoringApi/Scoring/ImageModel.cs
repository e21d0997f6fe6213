using System.Reflection;
using Microsoft.Extensions.ObjectPool;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageScoringApi.Scoring;

/// <summary>A model of any ML.NET trainer that takes an image and gives a column of scores.</summary>
internal abstract class ImageModel : IDisposable
{
    protected const string ScoreColumn = "Score";

    /// <summary>The model's classes, in the order of its scores.</summary>
    public abstract IReadOnlyList<string> ClassNames { get; }

    /// <summary>Whether the model can show what speaks for the class of an image.</summary>
    public abstract bool CanExplain { get; }

    /// <summary>Loads a model and finds out which of its input's columns takes the image, and in which form.</summary>
    /// <param name="imageColumn">The column that takes the image, or null. ML.NET keeps no MLImage column of a model's input: such a column has to be named.</param>
    /// <exception cref="InvalidDataException">The file can't be read, or is no model.</exception>
    /// <exception cref="InvalidOperationException">It takes no image, gives no scores, or computes them from other columns too.</exception>
    public static ImageModel Load(MLContext mlContext, string path, string? imageColumn = null)
    {
        var (model, input) = Read(mlContext, path);
        try
        {
            string[] columns = input is null ? [] : [.. input.Select(column => column.Name)];
            foreach (string column in (string[])(imageColumn is null ? [.. columns.OrderBy(IsLabel)] : [imageColumn]))
            {
                if (TryCreate(mlContext, model, columns, column) is { } served)
                {
                    return served;
                }
            }

            foreach (string column in columns)
            {
                if (ModelParts.WithoutReadingFiles(model, column) is var (remaining, image)
                    && (imageColumn is null || imageColumn == column || imageColumn == image)
                    && TryCreate(mlContext, remaining, [.. columns.Where(name => name != column)], image) is { } served)
                {
                    return served;
                }
            }

            throw new InvalidOperationException(
                $"'{path}' has the input columns {string.Join(", ", columns)}. Expected a model that takes an image in one of them, or in the one that Serving:ImageColumn names: the content of "
                + $"its file, MLImage, or a path that LoadImages or LoadRawImageBytes reads; and that computes its output column '{ScoreColumn}' from this column alone, row by row.");
        }
        catch
        {
            (model as IDisposable)?.Dispose();
            throw;
        }
    }

    protected static bool IsLabel(string column) => column.Contains("label", StringComparison.OrdinalIgnoreCase);

    /// <summary>Scores images together.</summary>
    /// <exception cref="UnreadableImageException">There is one image and it can't be read.</exception>
    /// <exception cref="Exception">There are several of which one can't be read.</exception>
    public abstract ImageScores[] ScoreTogether(IReadOnlyList<byte[]> contents);

    /// <summary>Scores an image.</summary>
    /// <exception cref="UnreadableImageException">It can't be read.</exception>
    public abstract ImageScores ScoreOne(byte[] content);

    /// <summary>The picture that shows what speaks for the class of an image, as a PNG file.</summary>
    /// <exception cref="UnreadableImageException">The image can't be read.</exception>
    /// <exception cref="InvalidOperationException">The model has no such pictures.</exception>
    public abstract byte[] Explain(byte[] content);

    public abstract void Dispose();

    private static (ITransformer Model, DataViewSchema? Input) Read(MLContext mlContext, string path)
    {
        try
        {
            // The file is read at once, so that another may take its place at any time.
            using var file = new MemoryStream(File.ReadAllBytes(path));
            ITransformer model = mlContext.Model.Load(file, out DataViewSchema? input);
            return (model, input);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // ML.NET makes the parts of a model by reflection, which wraps what they say.
            Exception reason = exception;
            while (reason is TargetInvocationException or AggregateException or TypeInitializationException && reason.InnerException is { } inner)
            {
                reason = inner;
            }

            throw new InvalidDataException($"The model '{path}' can't be loaded. {reason.Message.TrimEnd('.')}. Expected a file that mlContext.Model.Save wrote.", exception);
        }
    }

    /// <summary>Null where the model can't be used with an image in this column.</summary>
    private static ImageModel? TryCreate(MLContext mlContext, ITransformer model, string[] columns, string imageColumn)
        => ImageModel<EncodedImageRow>.TryCreate(mlContext, model, columns, imageColumn) ?? (ImageModel?)ImageModel<DecodedImageRow>.TryCreate(mlContext, model, columns, imageColumn);
}

/// <summary>A model whose input has rows of one form.</summary>
internal sealed class ImageModel<TRow> : ImageModel
    where TRow : ImageRow, new()
{
    private readonly MLContext _mlContext;
    private readonly ITransformer _model;
    private readonly SchemaDefinition _input;
    private readonly string[] _classNames;
    private readonly ObjectPool<PredictionEngine<TRow, Output>> _engines;

    private ImageModel(MLContext mlContext, ITransformer model, SchemaDefinition input, string[] classNames, bool canExplain)
    {
        CanExplain = canExplain;
        _mlContext = mlContext;
        _model = model;
        _input = input;
        _classNames = classNames;
        _engines = new DefaultObjectPoolProvider { MaximumRetained = Environment.ProcessorCount }.Create(new EnginePolicy(this));
    }

    public override IReadOnlyList<string> ClassNames => _classNames;

    public override bool CanExplain { get; }

    /// <summary>Null where the model doesn't compute its scores from an image of this form in this column, and from nothing else.</summary>
    public static ImageModel<TRow>? TryCreate(MLContext mlContext, ITransformer model, string[] columns, string imageColumn)
    {
        var input = SchemaDefinition.Create(typeof(TRow));
        SchemaDefinition.Column image = input.Single(column => column.MemberName == ImageRow.ImageProperty), label = input.Single(column => column.MemberName == ImageRow.LabelProperty);
        image.ColumnName = imageColumn;
        label.ColumnName = columns.OrderByDescending(IsLabel).FirstOrDefault(name => name != imageColumn) ?? (imageColumn == ImageRow.LabelProperty ? "Text" : ImageRow.LabelProperty);
        try
        {
            IDataView empty = mlContext.Data.LoadFromEnumerable(Array.Empty<TRow>(), input);
            if (model.GetOutputSchema(empty.Schema).GetColumnOrNull(ScoreColumn) is not { Type: VectorDataViewType type } scores
                || !ModelParts.DependsOnAlone(model, empty.Schema, ScoreColumn, imageColumn))
            {
                return null;
            }

            ITransformer explaining = Explanations.AddTo(model, mlContext, empty);
            return new ImageModel<TRow>(mlContext, explaining, input, NamesOf(scores, type.Size), Explanations.AreIn(explaining.GetOutputSchema(empty.Schema)));
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            // ML.NET's answer to a column of the wrong type.
            return null;
        }
    }

    public override ImageScores[] ScoreTogether(IReadOnlyList<byte[]> contents)
    {
        var rows = new TRow?[contents.Count];
        try
        {
            // Rows that decode their image do so side by side.
            Parallel.For(0, rows.Length, i => rows[i] = RowOf(contents[i]));
            IDataView scored = _model.Transform(_mlContext.Data.LoadFromEnumerable(rows.OfType<TRow>(), _input));
            ImageScores[] scores = [.. _mlContext.Data.CreateEnumerable<Output>(scored, reuseRowObject: false).Select(ScoresOf)];
            return scores.Length == contents.Count
                ? scores
                : throw new InvalidOperationException($"The model gives {scores.Length} rows for {contents.Count} images, expected as many: it must leave none out.");
        }
        catch (Exception exception) when (contents.Count == 1 && IsOfTheImage(exception))
        {
            throw Unreadable(exception);
        }
        finally
        {
            Array.ForEach(rows, row => row?.Dispose());
        }
    }

    public override ImageScores ScoreOne(byte[] content)
    {
        PredictionEngine<TRow, Output> engine = _engines.Get();
        try
        {
            using TRow row = RowOf(content);
            return ScoresOf(engine.Predict(row));
        }
        catch (Exception exception) when (IsOfTheImage(exception))
        {
            throw Unreadable(exception);
        }
        finally
        {
            _engines.Return(engine);
        }
    }

    public override byte[] Explain(byte[] content)
    {
        string file = Path.Combine(Path.GetTempPath(), $"explanation-{Guid.NewGuid():N}.png");
        try
        {
            using TRow row = RowOf(content);
            using MLImage picture = _model.Transform(_mlContext.Data.LoadFromEnumerable([row], _input)).GetColumn<MLImage?>(Explanations.Column).Single() ?? throw Undecodable();

            // MLImage is encoded into files alone.
            picture.Save(file);
            return File.ReadAllBytes(file);
        }
        catch (Exception exception) when (CanExplain && IsOfTheImage(exception))
        {
            throw Unreadable(exception);
        }
        finally
        {
            File.Delete(file);
        }
    }

    public override void Dispose()
    {
        (_engines as IDisposable)?.Dispose();
        (_model as IDisposable)?.Dispose();
    }

    private static TRow RowOf(byte[] content)
    {
        var row = new TRow();
        row.SetContent(content);
        return row;
    }

    private ImageScores ScoresOf(Output output)
        => output.Score.Any(float.IsNaN) ? throw Undecodable() : new ImageScores(_classNames, output.Score);

    /// <summary>A model that skips bad images (BadImages) has scores of NaN and no picture for one.</summary>
    private static InvalidDataException Undecodable() => new("The image can't be decoded.");

    /// <summary>What ML.NET's transforms and trainers throw at an image that they can't read.</summary>
    private static bool IsOfTheImage(Exception exception)
        => exception is AggregateException { InnerException: { } inner } ? IsOfTheImage(inner) : exception is IOException or InvalidDataException or FormatException or NotSupportedException or (ArgumentException and not ArgumentNullException)
            || (exception is InvalidOperationException and not ObjectDisposedException);

    private static UnreadableImageException Unreadable(Exception exception) => new(exception.Message, exception);

    private static string[] NamesOf(DataViewSchema.Column scores, int count)
    {
        if (!scores.HasSlotNames())
        {
            return [.. Enumerable.Range(0, count).Select(i => $"class {i}")];
        }

        VBuffer<ReadOnlyMemory<char>> names = default;
        scores.GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    /// <summary>What the application reads of a model's output.</summary>
    private sealed class Output
    {
        public float[] Score { get; set; } = [];
    }

    private sealed class EnginePolicy(ImageModel<TRow> owner) : PooledObjectPolicy<PredictionEngine<TRow, Output>>
    {
        public override PredictionEngine<TRow, Output> Create() => owner._mlContext.Model.CreatePredictionEngine<TRow, Output>(
            owner._model, new PredictionEngineOptions { InputSchemaDefinition = owner._input, OwnsTransformer = false });

        public override bool Return(PredictionEngine<TRow, Output> engine) => true;
    }
}
