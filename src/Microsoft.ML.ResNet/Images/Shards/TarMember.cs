namespace Microsoft.ML.ResNet.Images;

/// <summary>A file in a tar file.</summary>
/// <param name="Name">Its path in the tar file, without <c>./</c> before it.</param>
/// <param name="Offset">Where its content begins in the tar file.</param>
/// <param name="Length">The bytes of its content.</param>
/// <param name="IsLink">Whether it is a link to another file, and has no content.</param>
internal readonly record struct TarMember(string Name, long Offset, long Length, bool IsLink)
{
    /// <summary>A name without <c>./</c> before it.</summary>
    public static string Normalize(string name)
    {
        while (name.StartsWith("./", StringComparison.Ordinal))
        {
            name = name[2..];
        }

        return name;
    }
}
