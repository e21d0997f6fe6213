namespace Microsoft.ML.ResNet.Tests;

/// <summary>
/// Files too large for the repository. The environment variable RESNET_SHARED_DATA names the folder that holds them; tests that need
/// them are skipped without it.
/// </summary>
internal static class SharedData
{
    public static string Folder(string name)
    {
        string? root = Environment.GetEnvironmentVariable("RESNET_SHARED_DATA");
        if (string.IsNullOrEmpty(root))
        {
            Assert.Inconclusive($"The environment variable RESNET_SHARED_DATA does not name the folder that holds '{name}'.");
        }

        return Path.Combine(root!, name);
    }
}
