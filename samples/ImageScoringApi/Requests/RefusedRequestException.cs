namespace ImageScoringApi.Requests;

/// <summary>A request that isn't as it has to be.</summary>
internal sealed class RefusedRequestException(int statusCode, string message) : Exception(message)
{
    /// <summary>400, 404, 408, 413, 415 or 422.</summary>
    public int StatusCode => statusCode;
}
