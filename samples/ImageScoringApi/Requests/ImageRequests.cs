using Microsoft.OpenApi;

namespace ImageScoringApi.Requests;

/// <summary>What endpoints that take images have in common.</summary>
internal static class ImageRequests
{
    private const string FormField = "file";

    /// <summary>Describes the bodies that <see cref="ImageReceiver"/> reads, and answers what it refuses.</summary>
    /// <param name="several">Whether a form may have several files.</param>
    public static RouteHandlerBuilder TakesImages(this RouteHandlerBuilder endpoint, bool several) => endpoint
        .AddEndpointFilter<RefusalFilter>()
        .Accepts<PredictionRequest>(ImageReceiver.Json, ImageReceiver.Form, ImageReceiver.AnyImage)
        .ProducesProblem(StatusCodes.Status400BadRequest)
        .ProducesProblem(StatusCodes.Status408RequestTimeout)
        .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
        .ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
        .ProducesProblem(StatusCodes.Status422UnprocessableEntity)
        .AddOpenApiOperationTransformer((operation, _, _) =>
        {
            if (operation.RequestBody?.Content is { } bodies)
            {
                bodies[ImageReceiver.Form] = new OpenApiMediaType
                {
                    Schema = new OpenApiSchema
                    {
                        Type = JsonSchemaType.Object,
                        Required = new HashSet<string> { FormField },
                        Properties = new Dictionary<string, IOpenApiSchema>
                        {
                            [FormField] = several ? new OpenApiSchema { Type = JsonSchemaType.Array, Items = File(), Description = "The image files." } : File(),
                        },
                    },
                };
                bodies[ImageReceiver.AnyImage] = new OpenApiMediaType { Schema = File() };
            }

            return Task.CompletedTask;
        });

    /// <summary>The content of a file, which is no text in base64.</summary>
    public static OpenApiSchema File() => new() { Type = JsonSchemaType.String, Format = "binary" };
}
