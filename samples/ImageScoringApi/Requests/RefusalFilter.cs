using ImageScoringApi.Scoring;
using Microsoft.AspNetCore.Connections;

namespace ImageScoringApi.Requests;

/// <summary>Answers requests that aren't as they have to be, that find the queue full, or that the client breaks off.</summary>
internal sealed class RefusalFilter(ServingMetrics metrics, ILogger<RefusalFilter> logger) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        HttpContext context = invocation.HttpContext;
        try
        {
            return await next(invocation);
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
        catch (Exception exception) when (exception is ConnectionResetException or ConnectionAbortedException || (exception is OperationCanceledException && context.RequestAborted.IsCancellationRequested))
        {
            logger.LogInformation("The client broke off {Method} {Path}.", context.Request.Method, context.Request.Path);

            // Nobody is there to read the answer; the status is for the metrics. The server would try to read the rest of the body.
            context.Abort();
            return TypedResults.StatusCode(StatusCodes.Status499ClientClosedRequest);
        }
    }
}
