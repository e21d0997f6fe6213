using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using ImageScoringApi.Scoring;
using Microsoft.AspNetCore.Mvc;
using Microsoft.OpenApi;

namespace ImageScoringApi.Requests;

/// <summary><c>POST /predict</c>.</summary>
internal static class PredictionEndpoint
{
    private const int DefaultTop = 3;

    public static void Map(IEndpointRouteBuilder endpoints) => endpoints.MapPost("/predict", PredictAsync)
        .WithName("Predict")
        .WithSummary("Classifies images.")
        .WithDescription("Takes a form with one file or several, JSON with images in base64, or a body that is an image file. Formats: JPEG, PNG, WebP, GIF, BMP.")
        .TakesImages(several: true)
        .Produces<PredictionResponse>()
        .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
        .AddOpenApiOperationTransformer((operation, _, _) =>
        {
            // Read as text, so that the answer can say what is wrong with it.
            foreach (OpenApiParameter parameter in operation.Parameters?.OfType<OpenApiParameter>().Where(parameter => parameter.Name == "top") ?? [])
            {
                parameter.Schema = new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int32", Minimum = "0", Default = JsonValue.Create(DefaultTop) };
            }

            return Task.CompletedTask;
        });

    /// <summary>What is said of an image that can't be read.</summary>
    public static RefusedRequestException Unreadable(IReadOnlyList<ReceivedImage> images, int index, UnreadableImageException exception) => new(
        StatusCodes.Status422UnprocessableEntity,
        $"{ImageReceiver.NameOf(images, index)} can't be read: it is damaged, or of a format other than {ImageSignature.Formats}. {exception.Message}");

    private static async Task<IResult> PredictAsync(
        HttpContext context,
        ImageReceiver receiver,
        IImageScorer scorer,
        [Description("How many classes an image's answer has; 0: all.")][FromQuery] string? top = null)
    {
        CancellationToken cancellationToken = context.RequestAborted;
        using IDisposable? announcement = scorer.Announce();
        int count = CountOf(top);
        IReadOnlyList<ReceivedImage> images = await receiver.ReceiveAsync(context.Request, cancellationToken);
        var watch = Stopwatch.StartNew();

        // Before the images are handed over: a batch must not wait for what it has.
        announcement?.Dispose();

        // Where the queue takes only some of them, these are scored for nobody.
        Task<ImageScores>[] scoring = [.. images.Select(image => scorer.ScoreAsync(image.Content, cancellationToken))];
        ImagePrediction[] predictions = await PredictionsAsync(images, scoring, count);
        return TypedResults.Ok(new PredictionResponse { Images = predictions, Milliseconds = Math.Round(watch.Elapsed.TotalMilliseconds, 2) });
    }

    /// <exception cref="RefusedRequestException">It is no such number.</exception>
    private static int CountOf(string? top) => top is null ? DefaultTop
        : !int.TryParse(top, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            ? throw new RefusedRequestException(StatusCodes.Status400BadRequest, $"top is '{top}', expected a whole number: 0 (all classes) or more.")
        : count == 0 ? int.MaxValue : count;

    /// <exception cref="RefusedRequestException">An image can't be read.</exception>
    private static async Task<ImagePrediction[]> PredictionsAsync(IReadOnlyList<ReceivedImage> images, Task<ImageScores>[] scoring, int top)
    {
        var predictions = new ImagePrediction[images.Count];
        try
        {
            await Task.WhenAll(scoring);
        }
        catch (UnreadableImageException)
        {
            // Said below, with the image's name.
        }

        for (int i = 0; i < images.Count; i++)
        {
            try
            {
                ClassProbability[] classes = (await scoring[i]).Top(top);
                predictions[i] = new ImagePrediction { Name = images[i].Name, PredictedLabel = classes[0].Name, Classes = classes };
            }
            catch (UnreadableImageException exception)
            {
                throw Unreadable(images, i, exception);
            }
        }

        return predictions;
    }
}
