namespace ImageScoringApi.Requests;

/// <summary>An image of a request.</summary>
/// <param name="Name">The file's name, for the answer only, or null.</param>
/// <param name="Content">The content of the file.</param>
internal sealed record ReceivedImage(string? Name, byte[] Content);
