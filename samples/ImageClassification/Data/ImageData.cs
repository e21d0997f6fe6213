using System.Security.Cryptography;
using ImageClassification.CommandLine;
using Microsoft.ML;

namespace ImageClassification.Data;

/// <summary>Images to train on and images to test with.</summary>
internal sealed record ImageData
{
    private const double TestShare = 0.2;

    public required string ImageFolder { get; init; }

    /// <summary>The folder of the test images, or null where they are a part of <see cref="ImageFolder"/>.</summary>
    public required string? TestFolder { get; init; }

    public required IReadOnlyList<LabeledImage> Training { get; init; }

    public required IReadOnlyList<LabeledImage> Test { get; init; }

    /// <summary>The names of the classes that are trained on, sorted.</summary>
    public IReadOnlyList<string> ClassNames => [.. Training.Select(image => image.Label).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The images that come with the samples, wherever the program is started; null where the program is far from the repository, as an installed tool is.</summary>
    public static string? FindBundledFolder()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string data = Path.Combine(folder.FullName, "data", "fashion-mnist");
            if (Directory.Exists(Path.Combine(data, "train")))
            {
                return data;
            }
        }

        return null;
    }

    /// <summary>Lists the images of the command line's folders, or the bundled ones where it names none.</summary>
    /// <exception cref="WrongArgumentException">A folder can't be read, or has no images for this.</exception>
    public static ImageData Load(MLContext mlContext, string? imageFolder, string? testFolder, int seed) => WrongArgumentException.Guard(() =>
    {
        if (imageFolder is not null)
        {
            return LoadFolders(mlContext, imageFolder, testFolder, seed);
        }

        string bundled = BundledFolder();
        return LoadFolders(mlContext, Path.Combine(bundled, "train"), Path.Combine(bundled, "test"), seed);
    });

    /// <summary>Lists the images of a folder that has a sub-folder for each class.</summary>
    /// <param name="folder">Null: the bundled images of this name.</param>
    /// <param name="bundledName">train or test.</param>
    /// <exception cref="WrongArgumentException">The folder can't be read.</exception>
    public static IReadOnlyList<LabeledImage> List(MLContext mlContext, string? folder, string bundledName)
        => WrongArgumentException.Guard(() => List(mlContext, FolderOf(folder, bundledName)));

    /// <summary>The folder, or where it is null the bundled one of this name.</summary>
    public static string FolderOf(string? folder, string bundledName) => folder ?? Path.Combine(BundledFolder(), bundledName);

    /// <summary>The test images whose files are also among the training images, byte by byte.</summary>
    public IReadOnlyList<LabeledImage> TestImagesInTraining()
    {
        ILookup<long, string> bySize = Training.ToLookup(image => Size(image.ImagePath), image => image.ImagePath);
        Dictionary<string, string> digests = [];
        return [.. Test.Where(image => bySize[Size(image.ImagePath)].Any(path => Digest(path) == Digest(image.ImagePath)))];

        // The size of a link is that of its text.
        static long Size(string path) => new FileInfo(RealPath.Of(path)).Length;

        string Digest(string path)
        {
            if (!digests.TryGetValue(path, out string? digest))
            {
                using FileStream file = File.OpenRead(path);
                digests[path] = digest = Convert.ToHexString(SHA256.HashData(file));
            }

            return digest;
        }
    }

    private static string BundledFolder() => FindBundledFolder()
        ?? throw new WrongArgumentException("--images is missing, expected a folder with a sub-folder of images for each class.");

    /// <summary>Lists the images of one or two folders that have a sub-folder for each class.</summary>
    /// <param name="testFolder">Null: a fifth of each class in <paramref name="imageFolder"/> is put aside as test set.</param>
    /// <param name="seed">Decides which fifth.</param>
    /// <exception cref="InvalidOperationException">A folder has no images, or the test images have a class that is not trained on.</exception>
    private static ImageData LoadFolders(MLContext mlContext, string imageFolder, string? testFolder, int seed)
    {
        IReadOnlyList<LabeledImage> images = List(mlContext, imageFolder);
        var (training, test) = testFolder is null ? Split(images, seed) : (images, List(mlContext, testFolder));
        if (test.Count == 0)
        {
            throw new InvalidOperationException($"'{imageFolder}' has no class with two images, so that none can be put aside for testing. Add images, or name a folder of test images with --test.");
        }

        var data = new ImageData { ImageFolder = imageFolder, TestFolder = testFolder, Training = training, Test = test };
        string[] unknown = [.. test.Select(image => image.Label).Distinct().Except(data.ClassNames)];
        return unknown.Length == 0
            ? data
            : throw new InvalidOperationException($"The test folder '{testFolder}' has classes that '{imageFolder}' lacks: {string.Join(", ", unknown.Take(10))}. Expected the same sub-folders in both.");
    }

    private static List<LabeledImage> List(MLContext mlContext, string folder)
        => [.. mlContext.Data.CreateEnumerable<LabeledImage>(mlContext.Data.LoadImageFolder(folder), reuseRowObject: false)];

    /// <summary>Puts a fifth of each class aside, at least one image of two.</summary>
    private static (IReadOnlyList<LabeledImage> Training, IReadOnlyList<LabeledImage> Test) Split(IReadOnlyList<LabeledImage> images, int seed)
    {
        var random = new Random(seed);
        HashSet<LabeledImage> test = [];
        foreach (IGrouping<string, LabeledImage> classImages in images.GroupBy(image => image.Label))
        {
            LabeledImage[] shuffled = [.. classImages];
            random.Shuffle(shuffled);
            int count = shuffled.Length < 2 ? 0 : Math.Max(1, (int)Math.Round(shuffled.Length * TestShare));
            test.UnionWith(shuffled.Take(count));
        }

        return ([.. images.Where(image => !test.Contains(image))], [.. images.Where(test.Contains)]);
    }
}
