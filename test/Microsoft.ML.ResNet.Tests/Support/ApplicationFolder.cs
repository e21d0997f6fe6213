namespace Microsoft.ML.ResNet.Tests;

/// <summary>A copy of a built sample. Its native libraries, half a gigabyte, are links.</summary>
internal static class ApplicationFolder
{
    /// <returns>The path of the program.</returns>
    public static string Copy(string sample, string folder)
    {
        string program = RepositoryPaths.Sample(sample);
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(program)!))
        {
            string target = Path.Combine(folder, Path.GetFileName(file));
            if (Path.GetExtension(file) is ".dll" or ".json")
            {
                File.Copy(file, target);
            }
            else if (file.Contains(".so", StringComparison.Ordinal))
            {
                File.CreateSymbolicLink(target, file);
            }
        }

        return Path.Combine(folder, Path.GetFileName(program));
    }

    /// <summary>Puts a file in place of a native library.</summary>
    public static void Replace(string folder, string library, byte[] content)
    {
        string path = Path.Combine(folder, library);
        File.Delete(path);
        File.WriteAllBytes(path, content);
    }
}
