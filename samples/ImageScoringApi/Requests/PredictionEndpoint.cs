using System.ComponentModel;
using System.Diagnostics;
using ImageScoringApi.Scoring;
using Microsoft.AspNetCore.Mvc;

namespace ImageScoringApi.Requests;

/// <summary><c>POST /predict</c>.</summary>
internal static class PredictionEndpoint
{
    private const int DefaultTop = 3;

    public static void Map(IEndpointRouteBuilder endpoints) => endpoints.MapPost("/predict", PredictAsync)
        .WithName("Predict")
        .WithSummary("Classifies images.")
        .WithDescription("Takes a form with one file or several, JSON with images in base64, or a body that is an image file. Formats: JPEG, PNG, WebP, GIF, BMP.")
        .Accepts<PredictionRequest>(ImageReceiver.Json, ImageReceiver.Form, ImageReceiver.AnyImage)
        .Produces<PredictionResponse>()
        .ProducesProblem(StatusCodes.Status400BadRequest)
        .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
        .ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
        .ProducesProblem(StatusCodes.Status422UnprocessableEntity)
        .ProducesProblem(StatusCodes.Status503ServiceUnavailable);

    /// <summary>What is said of an image that can't be read.</summary>
    public static RefusedRequestException Unreadable(IReadOnlyList<ReceivedImage> images, int index, UnreadableImageException exception) => new(
        StatusCodes.Status422UnprocessableEntity,
        $"{ImageReceiver.NameOf(images, index)} can't be read: it is damaged, or of a format other than {ImageSignature.Formats}. {exception.Message}");

    private static async Task<IResult> PredictAsync(
        HttpContext context,
        ImageReceiver receiver,
        IImageScorer scorer,
        ServingMetrics metrics,
        [Description("How many classes an image's answer has; 0: all.")][FromQuery] int top = DefaultTop)
    {
        CancellationToken cancellationToken = context.RequestAborted;
        using IDisposable? announcement = scorer.Announce();
        try
        {
            if (top < 0)
            {
                throw new RefusedRequestException(StatusCodes.Status400BadRequest, $"top is {top}, expected 0 (all classes) or more.");
            }

            IReadOnlyList<ReceivedImage> images = await receiver.ReceiveAsync(context.Request, cancellationToken);
            var watch = Stopwatch.StartNew();

            // Before the images are handed over: a batch must not wait for what it has.
            announcement?.Dispose();

            // Where the queue takes only some of them, these are scored for nobody.
            Task<ImageScores>[] scoring = [.. images.Select(image => scorer.ScoreAsync(image.Content, cancellationToken))];
            ImagePrediction[] predictions = await PredictionsAsync(images, scoring, top == 0 ? int.MaxValue : top);
            return TypedResults.Ok(new PredictionResponse { Images = predictions, Milliseconds = Math.Round(watch.Elapsed.TotalMilliseconds, 2) });
        }
        catch (RefusedRequestException exception)
        {
            if (exception.StatusCode == StatusCodes.Status422UnprocessableEntity)
            {
                metrics.UnreadableImage();
            }

            return TypedResults.Problem(exception.Message, statusCode: exception.StatusCode);
        }
        catch (QueueFullException exception)
        {
            metrics.RequestRefused();
            context.Response.Headers.RetryAfter = "1";
            return TypedResults.Problem(exception.Message, statusCode: StatusCodes.Status503ServiceUnavailable);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Nobody is there to read the answer.
            return TypedResults.Empty;
        }
    }

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
