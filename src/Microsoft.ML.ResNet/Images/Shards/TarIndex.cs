using System.Text;

namespace Microsoft.ML.ResNet.Images;

/// <summary>Where each file of a tar file is. Those that were used last are kept, up to some millions of members.</summary>
internal sealed class TarIndex
{
    /// <summary>The members of all indices that are kept, of some twenty bytes each.</summary>
    private const int MostMembers = 4_000_000;

    private static readonly object s_lock = new();
    private static readonly LinkedList<TarIndex> s_kept = [];

    private readonly ulong[] _names;
    private readonly long[] _offsets;
    private readonly int[] _lengths;
    private readonly (long Length, DateTime Written) _state;

    private TarIndex(string path, (long Length, DateTime Written) state)
    {
        Path = path;
        _state = state;
        List<ulong> names = [];
        List<long> offsets = [];
        List<int> lengths = [];
        foreach (TarMember member in TarMembers.Read(path))
        {
            if (!member.IsLink && member.Length <= Array.MaxLength)
            {
                names.Add(Hash(member.Name));
                offsets.Add(member.Offset);
                lengths.Add((int)member.Length);
            }
        }

        int[] order = [.. Enumerable.Range(0, names.Count).OrderBy(i => names[i])];
        _names = [.. order.Select(i => names[i])];
        _offsets = [.. order.Select(i => offsets[i])];
        _lengths = [.. order.Select(i => lengths[i])];
    }

    /// <summary>The path of the tar file, one string for all of its members.</summary>
    public string Path { get; }

    /// <summary>The index of a tar file, which is read where it is not known or has changed.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    /// <exception cref="InvalidDataException">It is no whole tar file.</exception>
    public static TarIndex Of(string path)
    {
        var file = new FileInfo(path);
        (long, DateTime) state = (file.Length, file.LastWriteTimeUtc);
        lock (s_lock)
        {
            TarIndex? index = s_kept.FirstOrDefault(kept => kept.Path == path);
            if (index is not null)
            {
                s_kept.Remove(index);
            }

            if (index is null || index._state != state)
            {
                index = new TarIndex(path, state);
            }

            s_kept.AddFirst(index);
            while (s_kept.Count > 1 && s_kept.Sum(kept => (long)kept._names.Length) > MostMembers)
            {
                s_kept.RemoveLast();
            }

            return index;
        }
    }

    /// <summary>Finds a file.</summary>
    /// <exception cref="InvalidDataException">There are several of this name.</exception>
    public (long Offset, int Length)? Find(string member)
    {
        ulong name = Hash(member);
        int place = Array.BinarySearch(_names, name);
        if (place < 0)
        {
            return null;
        }

        if ((place > 0 && _names[place - 1] == name) || (place < _names.Length - 1 && _names[place + 1] == name))
        {
            throw new InvalidDataException($"The tar file '{Path}' has several files of the name '{member}', expected one.");
        }

        return (_offsets[place], _lengths[place]);
    }

    /// <summary>FNV-1a of 64 bits: two of a million names are alike once in thirty million tar files.</summary>
    private static ulong Hash(string name)
    {
        ulong hash = 14695981039346656037;
        foreach (byte value in Encoding.UTF8.GetBytes(name))
        {
            hash = (hash ^ value) * 1099511628211;
        }

        return hash;
    }
}
