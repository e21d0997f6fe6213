using System.Globalization;
using ImageClassification.CommandLine;

namespace ImageClassification.Scoring;

/// <summary>The processes that share a work, as what started them says.</summary>
/// <param name="Rank">The number of this one, from 0.</param>
/// <param name="Count">How many they are.</param>
/// <param name="OnThisMachine">How many of them are on this machine.</param>
internal sealed record Ranks(int Rank, int Count, int OnThisMachine)
{
    /// <summary>What MPICH, Intel MPI and Microsoft MPI say, then Open MPI, then Slurm's srun.</summary>
    private static readonly (string Rank, string Count, string Local)[] s_variables =
    [
        ("PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"),
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
        ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE"),
    ];

    /// <param name="rank">The command line's, or null.</param>
    /// <param name="count">The command line's, or null.</param>
    /// <exception cref="WrongArgumentException">There is no such rank.</exception>
    public static Ranks Of(int? rank, int? count)
    {
        if (rank is null && count is null)
        {
            return FromEnvironment() ?? new Ranks(0, 1, 1);
        }

        return rank is { } given && count is { } all && given < all
            ? new Ranks(given, all, 1)
            : throw new WrongArgumentException($"--rank is {(rank is null ? "missing" : $"{rank}")} and --ranks is {(count is null ? "missing" : $"{count}")}, expected both, and a rank from 0 to below --ranks.");
    }

    private static Ranks? FromEnvironment()
    {
        foreach (var (rankName, countName, localName) in s_variables)
        {
            if (Number(rankName) is { } rank && Number(countName) is { } count && rank < count)
            {
                return new Ranks(rank, count, Math.Clamp(Number(localName) ?? 1, 1, count));
            }
        }

        return null;
    }

    private static int? Number(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;
}
