using System.Text.Json;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace ImageScoringApi.Requests;

/// <summary>Reads the images of a request: of a form with files, of JSON, or of a body that is an image file.</summary>
internal sealed class ImageReceiver(IOptions<ServingOptions> options)
{
    public const string Json = "application/json", Form = "multipart/form-data", AnyImage = "image/*";

    // COR_E_IO, which a form that is cut off has. Errors of the disk, where large forms are kept, have the system's numbers.
    private const int EndOfForm = unchecked((int)0x80131620);

    private readonly ServingOptions _options = options.Value;

    /// <exception cref="RefusedRequestException">The request isn't as it has to be.</exception>
    /// <exception cref="ConnectionResetException">The client broke it off.</exception>
    public async Task<IReadOnlyList<ReceivedImage>> ReceiveAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        IReadOnlyList<ReceivedImage> images;
        try
        {
            images = await ReadAsync(request, cancellationToken);
        }
        catch (BadHttpRequestException exception)
        {
            // The server's word: the body is larger than its limit, comes too slowly, or ends early.
            throw new RefusedRequestException(exception.StatusCode, exception.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? $"The request is larger than {_options.MaxBodyBytes:N0} bytes, the limit of this server."
                : $"The request can't be read: {exception.Message}");
        }

        if (images.Count == 0 || images.Count > _options.MaxFiles)
        {
            throw new RefusedRequestException(StatusCodes.Status400BadRequest, $"The request has {images.Count} images, expected 1 to {_options.MaxFiles}.");
        }

        for (int i = 0; i < images.Count; i++)
        {
            RequireImage(images, i);
        }

        return images;
    }

    /// <summary>An image's name for an error.</summary>
    public static string NameOf(IReadOnlyList<ReceivedImage> images, int index) => images[index].Name is { Length: > 0 } name ? $"'{name}'" : $"Image {index + 1}";

    /// <summary>What is wrong with a content type.</summary>
    public static string UnsupportedContentType(string? contentType)
        => $"The content type is {(string.IsNullOrEmpty(contentType) ? "missing" : $"'{contentType}'")}, expected {Form} with files, {AnyImage} with a file, or {Json} with images in base64.";

    private async Task<IReadOnlyList<ReceivedImage>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
        => MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type) ? type switch
        {
            _ when type.MediaType.Equals(Form, StringComparison.OrdinalIgnoreCase) => await ReadFormAsync(request, cancellationToken),
            _ when type.MediaType.Equals(Json, StringComparison.OrdinalIgnoreCase) => await ReadJsonAsync(request, cancellationToken),
            _ when type.Type.Equals("image", StringComparison.OrdinalIgnoreCase) || type.MediaType.Equals("application/octet-stream", StringComparison.OrdinalIgnoreCase)
                => [new ReceivedImage(null, await ReadAllAsync(request.Body, "The image", request.ContentLength ?? 0, cancellationToken))],
            _ => throw Unsupported(request.ContentType),
        }
        : throw Unsupported(request.ContentType);

    private void RequireImage(IReadOnlyList<ReceivedImage> images, int index)
    {
        byte[] content = images[index].Content;
        if (!ImageSignature.IsImage(content))
        {
            throw new RefusedRequestException(StatusCodes.Status422UnprocessableEntity, $"{NameOf(images, index)} is no image, expected {ImageSignature.Formats}.");
        }

        if (ImageSize.Of(content) is var (width, height) && (long)width * height > _options.MaxPixels)
        {
            throw new RefusedRequestException(
                StatusCodes.Status413PayloadTooLarge, $"{NameOf(images, index)} has {width:N0} x {height:N0} pixels, more than {_options.MaxPixels:N0}, the limit of this server.");
        }
    }

    private static RefusedRequestException Unsupported(string? contentType) => new(StatusCodes.Status415UnsupportedMediaType, UnsupportedContentType(contentType));

    private RefusedRequestException TooLarge(string what)
        => new(StatusCodes.Status413PayloadTooLarge, $"{what} has more than {_options.MaxFileBytes:N0} bytes, the limit of this server.");

    private async Task<IReadOnlyList<ReceivedImage>> ReadFormAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        IFormCollection form;
        try
        {
            form = await request.ReadFormAsync(
                new FormOptions { MemoryBufferThreshold = _options.MaxFileBytes, MultipartBodyLengthLimit = _options.MaxBodyBytes, ValueLengthLimit = 4096, ValueCountLimit = _options.MaxFiles + 64 },
                cancellationToken);
        }
        catch (InvalidDataException exception)
        {
            throw new RefusedRequestException(StatusCodes.Status400BadRequest, $"The form can't be read: {exception.Message}");
        }
        catch (IOException exception) when (exception.GetType() == typeof(IOException) && exception.HResult == EndOfForm)
        {
            throw new RefusedRequestException(StatusCodes.Status400BadRequest, "The form can't be read: it ends before its last boundary.");
        }

        var images = new List<ReceivedImage>();
        foreach (IFormFile file in form.Files.Take(_options.MaxFiles))
        {
            await using Stream stream = file.OpenReadStream();
            images.Add(new ReceivedImage(file.FileName, await ReadAllAsync(stream, $"'{file.FileName}'", file.Length, cancellationToken)));
        }

        return form.Files.Count <= _options.MaxFiles
            ? images
            : throw new RefusedRequestException(StatusCodes.Status400BadRequest, $"The request has {form.Files.Count} images, expected 1 to {_options.MaxFiles}.");
    }

    private async Task<IReadOnlyList<ReceivedImage>> ReadJsonAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        PredictionRequest? body;
        try
        {
            body = await request.ReadFromJsonAsync<PredictionRequest>(cancellationToken);
        }
        catch (JsonException exception)
        {
            throw new RefusedRequestException(
                StatusCodes.Status400BadRequest, $"The JSON can't be read: {exception.Message} Expected {{\"images\": [{{\"name\": \"a.jpg\", \"content\": \"base64\"}}]}}.");
        }
        catch (InvalidOperationException exception)
        {
            throw new RefusedRequestException(StatusCodes.Status415UnsupportedMediaType, $"The JSON can't be read: {exception.Message} Expected UTF-8.");
        }

        EncodedImage[] images = [.. body?.Images ?? []];
        for (int i = 0; i < images.Length; i++)
        {
            if (images[i]?.Content is not { } content)
            {
                throw new RefusedRequestException(StatusCodes.Status400BadRequest, $"Image {i + 1} has no 'content', expected the content of an image file in base64.");
            }

            if (content.Length > _options.MaxFileBytes)
            {
                throw TooLarge(images[i].Name is { Length: > 0 } name ? $"'{name}'" : $"Image {i + 1}");
            }
        }

        return [.. images.Select(image => new ReceivedImage(image.Name, image.Content!))];
    }

    private async Task<byte[]> ReadAllAsync(Stream stream, string what, long length, CancellationToken cancellationToken)
    {
        if (length > _options.MaxFileBytes)
        {
            throw TooLarge(what);
        }

        using var content = new MemoryStream((int)length);
        byte[] part = new byte[64 << 10];
        int count;
        while ((count = await stream.ReadAsync(part, cancellationToken)) > 0)
        {
            if (content.Length + count > _options.MaxFileBytes)
            {
                throw TooLarge(what);
            }

            content.Write(part, 0, count);
        }

        return content.ToArray();
    }
}
