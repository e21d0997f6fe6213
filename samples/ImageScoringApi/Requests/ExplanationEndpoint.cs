using ImageScoringApi.Scoring;

namespace ImageScoringApi.Requests;

/// <summary><c>POST /explain</c>.</summary>
internal static class ExplanationEndpoint
{
    private const string Png = "image/png";

    public static void Map(IEndpointRouteBuilder endpoints) => endpoints.MapPost("/explain", ExplainAsync)
        .WithName("Explain")
        .WithSummary("Shows which parts of an image speak for its class.")
        .WithDescription("Takes one image, as /predict does, and gives a PNG file. Networks that were trained on images have it, and models with a column of such pictures; /health says whether the model does.")
        .TakesImages(several: false)
        .Produces<byte[]>(contentType: Png)
        .ProducesProblem(StatusCodes.Status404NotFound)
        .AddOpenApiOperationTransformer((operation, _, _) =>
        {
            if (operation.Responses?["200"].Content?[Png] is { } picture)
            {
                picture.Schema = ImageRequests.File();
            }

            return Task.CompletedTask;
        });

    private static async Task<IResult> ExplainAsync(HttpContext context, ImageReceiver receiver, ServedModel served)
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
        return TypedResults.File(await Task.Run(() => Explain(model, images)), Png);
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
