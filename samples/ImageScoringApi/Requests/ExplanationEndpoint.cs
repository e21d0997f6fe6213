using ImageScoringApi.Scoring;

namespace ImageScoringApi.Requests;

/// <summary><c>POST /explain</c>.</summary>
internal static class ExplanationEndpoint
{
    public static void Map(IEndpointRouteBuilder endpoints) => endpoints.MapPost("/explain", ExplainAsync)
        .WithName("Explain")
        .WithSummary("Shows which parts of an image speak for its class.")
        .WithDescription("Takes one image, as /predict does, and gives a PNG file. Networks that were trained on images have it, and models with a column of such pictures; /health says whether the model does.")
        .Accepts<PredictionRequest>(ImageReceiver.Json, ImageReceiver.Form, ImageReceiver.AnyImage)
        .Produces<byte[]>(contentType: "image/png")
        .ProducesProblem(StatusCodes.Status400BadRequest)
        .ProducesProblem(StatusCodes.Status404NotFound)
        .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
        .ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
        .ProducesProblem(StatusCodes.Status422UnprocessableEntity);

    private static async Task<IResult> ExplainAsync(HttpContext context, ImageReceiver receiver, ServedModel served, ServingMetrics metrics)
    {
        try
        {
            IReadOnlyList<ReceivedImage> images = await receiver.ReceiveAsync(context.Request, context.RequestAborted);
            if (images.Count != 1)
            {
                throw new RefusedRequestException(StatusCodes.Status400BadRequest, $"The request has {images.Count} images, expected one.");
            }

            using ServedModel.Lease lease = served.Acquire();
            if (!lease.Model.CanExplain)
            {
                throw new RefusedRequestException(StatusCodes.Status404NotFound, "The model can't show what speaks for a class: it has no residual network that was trained on images, and no column 'Explanation' of such pictures.");
            }

            ImageModel model = lease.Model;
            return TypedResults.File(await Task.Run(() => Explain(model, images)), "image/png");
        }
        catch (RefusedRequestException exception)
        {
            if (exception.StatusCode == StatusCodes.Status422UnprocessableEntity)
            {
                metrics.UnreadableImage();
            }

            return TypedResults.Problem(exception.Message, statusCode: exception.StatusCode);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to read the answer.
            return TypedResults.Empty;
        }
    }

    private static byte[] Explain(ImageModel model, IReadOnlyList<ReceivedImage> images)
    {
        try
        {
            return model.Explain(images[0].Content);
        }
        catch (UnreadableImageException exception)
        {
            throw PredictionEndpoint.Unreadable(images, 0, exception);
        }
    }
}
