namespace ImageScoringApi;

/// <summary>The file of the model that is served.</summary>
internal sealed record ModelPath(string FullPath)
{
    public string Name => Path.GetFileName(FullPath);
}
