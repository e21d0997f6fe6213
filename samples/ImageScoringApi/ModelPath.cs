namespace ImageScoringApi;

/// <summary>The file of the model that is served.</summary>
/// <param name="IsGiven">Whether a setting names it; one that none names is trained where it is missing.</param>
internal sealed record ModelPath(string FullPath, bool IsGiven)
{
    private const string Setting = "Model";

    public string Name => Path.GetFileName(FullPath);

    /// <summary>What the setting <c>Model</c> names, relative to the folder that the program is started in, or model.zip in that folder.</summary>
    /// <exception cref="ArgumentException">The setting is empty.</exception>
    /// <exception cref="FileNotFoundException">What it names is no file, or there is none.</exception>
    public static ModelPath Of(IConfiguration configuration)
    {
        string? given = configuration[Setting];
        if (given is not null && string.IsNullOrWhiteSpace(given))
        {
            throw new ArgumentException("The setting Model is empty, expected the path of a model file, as in --Model model.zip. Without the setting, model.zip of the current folder is served.");
        }

        string path = Path.GetFullPath(given ?? "model.zip");
        if (Directory.Exists(path))
        {
            throw new FileNotFoundException($"The model '{given ?? path}' is a folder, expected a file that mlContext.Model.Save wrote.");
        }

        return given is null || File.Exists(path) ? new ModelPath(path, given is not null) : throw new FileNotFoundException($"The model '{given}' doesn't exist.");
    }
}
