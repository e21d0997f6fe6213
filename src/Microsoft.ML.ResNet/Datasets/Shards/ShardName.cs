using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>The name of a file in a tar file, as WebDataset parts it: all files of one key are one sample.</summary>
/// <param name="Key">The path up to the first dot of the file's name.</param>
/// <param name="Extension">What is behind that dot.</param>
/// <param name="Folder">The name of the folder that it is in, or nothing.</param>
/// <param name="IsImage">Whether its last extension is that of an image, and it is not hidden.</param>
internal readonly record struct ShardName(string Key, string Extension, string Folder, bool IsImage)
{
    public static ShardName Of(string path)
    {
        int start = path.LastIndexOf('/') + 1;
        string name = path[start..];
        int dot = name.IndexOf('.', Math.Min(1, name.Length));
        string folder = start > 1 ? path[..(start - 1)] : "";
        return new ShardName(
            dot < 0 ? path : path[..(start + dot)],
            dot < 0 ? "" : name[(dot + 1)..],
            folder[(folder.LastIndexOf('/') + 1)..],
            !name.StartsWith('.') && ImageExtensions.Include(Path.GetExtension(name)));
    }
}
