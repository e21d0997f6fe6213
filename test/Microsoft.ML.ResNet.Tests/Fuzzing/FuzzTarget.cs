namespace Microsoft.ML.ResNet.Tests.Fuzzing;

/// <summary>A reader of files, and what is promised of it.</summary>
/// <param name="Name">Names the reader in failures.</param>
/// <param name="Seeds">Small valid files.</param>
/// <param name="Read">Reads a file; the bytes are those on the disk too where the reader wants a path.</param>
/// <param name="AllocationMultiple">The managed memory that reading may take, in bytes for each byte of the file,</param>
/// <param name="AllocationConstant">and beside that.</param>
internal sealed record FuzzTarget(string Name, byte[][] Seeds, Action<byte[]> Read, int AllocationMultiple, long AllocationConstant)
{
    /// <summary>The exceptions that are documented for a file that is not as it should be; a subclass doesn't count.</summary>
    public Type[] Documented { get; init; } = [typeof(InvalidDataException)];

    /// <summary>Damages a file in a way of its format's own, or null where there is none.</summary>
    public Func<byte[], byte[], Mutator, byte[]>? MutateInside { get; init; }
}
