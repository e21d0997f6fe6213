namespace Microsoft.ML.ResNet.Tests.Repository;

/// <summary>Which folder of the library may use which: one direction, no circles.</summary>
[TestClass]
public sealed class LayoutTests
{
    /// <summary>
    /// Folders from the lowest to the highest, and the folders that each may use, all of them above it in this list. ARCHITECTURE.md has the
    /// same table. The root is the catalog, which may use all.
    /// </summary>
    private static readonly (string Folder, string MayUse)[] s_rooms =
    [
        ("MLNet", ""),
        ("Native", "MLNet"),
        ("Kernels", ""),
        ("Network", "Native Kernels"),
        ("Images", "Native"),
        ("Datasets", "MLNet Images"),
        ("Calibrating", "Datasets"),
        ("Augmentations", "Images"),
        ("WeightFiles", "Network Images"),
        ("Model", "MLNet Native Network Images Datasets WeightFiles"),
        ("Scoring", "Native Kernels Network Images Datasets WeightFiles"),
        ("PixelNormalizing", "MLNet Images Datasets Model Scoring"),
        ("Onnx", "Kernels Network Images Model PixelNormalizing"),
        ("Training", "MLNet Native Kernels Network Images Datasets Augmentations WeightFiles Model Scoring"),
        ("Explanations", "Network Images"),
        ("Classifier", "MLNet Native Network Images Datasets WeightFiles Model Scoring Onnx Explanations Calibrating"),
        ("Explaining", "MLNet Images Datasets Model Scoring Explanations Classifier"),
        ("Weights", "MLNet Native Network Images WeightFiles Model Scoring Classifier"),
        ("DataQuality", "Native Datasets Training"),
        ("Features", "MLNet Native Network Images Datasets Model Scoring Weights"),
        ("Trainer", "MLNet Native Network Images Datasets Augmentations WeightFiles Model Scoring Training Classifier Weights Calibrating"),
    ];

    private static readonly IReadOnlyList<ReferringType> s_types = TypeReferences.Of(typeof(ResNetTrainer).Assembly.Location);

    [TestMethod]
    public void Build_OfAnApplication_LeavesNoBuildToolInItsFolder()
        => Assert.IsEmpty(Directory.GetFiles(AppContext.BaseDirectory, "ReferencePublicizer*"), "A project that references the library was given files of a tool that only its build runs.");

    [TestMethod]
    public void Types_UseOnlyFoldersThatTheirsMayUse()
    {
        Dictionary<string, string> folders = s_types.Where(IsSource).ToDictionary(type => type.Name, type => FolderOf(type.File));
        Dictionary<string, HashSet<string>> allowed = s_rooms.ToDictionary(room => room.Folder, room => room.MayUse.Split(' ').ToHashSet());

        string[] faults =
        [
            .. from type in s_types.Where(IsSource)
               let folder = folders[type.Name]
               where folder.Length > 0
               from used in type.References.Where(folders.ContainsKey)
               where folders[used] != folder && !allowed[folder].Contains(folders[used])
               select $"{folder}/{type.Name} uses {folders[used]}/{used}",
        ];

        Assert.IsEmpty(faults, $"Move a type, hand it what it needs, or change the table here and in ARCHITECTURE.md:\n{string.Join('\n', faults)}");
    }

    [TestMethod]
    public void Table_HasNoCirclesAndNothingThatIsUnused()
    {
        Dictionary<string, string> folders = s_types.Where(IsSource).ToDictionary(type => type.Name, type => FolderOf(type.File));
        HashSet<(string, string)> uses = [.. from type in s_types.Where(IsSource) from used in type.References.Where(folders.ContainsKey) select (folders[type.Name], folders[used])];
        List<string> lower = [];
        foreach (var (folder, mayUse) in s_rooms)
        {
            foreach (string used in mayUse.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                CollectionAssert.Contains(lower, used, $"{folder} may not use {used}, which is not below it.");
                Assert.Contains((folder, used), uses, $"{folder} no longer uses {used}: strike it from the table.");
            }

            lower.Add(folder);
        }

        CollectionAssert.AreEquivalent(lower.Append("").ToArray(), folders.Values.Distinct().ToArray());
    }

    [TestMethod]
    public void Kernels_KnowNumbersOnly()
    {
        // Neither tensors nor the network: the folder could be a package of its own.
        foreach (string file in Directory.EnumerateFiles(Path.Combine(RepositoryPaths.Root, "src", "Microsoft.ML.ResNet", "Kernels"), "*.cs", SearchOption.AllDirectories))
        {
            string text = File.ReadAllText(file);
            Assert.DoesNotContain("TorchSharp", text, file);
            Assert.DoesNotContain("using Microsoft.ML.", text, file);
        }
    }

    [TestMethod]
    public void Architecture_HasTheTable()
    {
        string text = File.ReadAllText(Path.Combine(RepositoryPaths.Root, "ARCHITECTURE.md"));
        foreach (var (folder, mayUse) in s_rooms)
        {
            string row = text.Split('\n').SingleOrDefault(line => line.StartsWith($"| `{folder}/` |", StringComparison.Ordinal)) ?? "";
            string[] cells = row.Split('|', StringSplitOptions.TrimEntries);
            Assert.AreEqual(mayUse.Length == 0 ? "nothing" : string.Join(", ", mayUse.Split(' ')), cells.Length > 3 ? cells[3] : "", folder);
        }
    }

    /// <summary>Not what the compiler or a generator makes.</summary>
    private static bool IsSource(ReferringType type) => !type.File.Contains("/obj/", StringComparison.Ordinal) && type.File.Contains("/Microsoft.ML.ResNet/", StringComparison.Ordinal);

    private static string FolderOf(string file)
    {
        string[] parts = file[(file.LastIndexOf("/Microsoft.ML.ResNet/", StringComparison.Ordinal) + "/Microsoft.ML.ResNet/".Length)..].Split('/');
        return parts.Length > 1 ? parts[0] : "";
    }
}
