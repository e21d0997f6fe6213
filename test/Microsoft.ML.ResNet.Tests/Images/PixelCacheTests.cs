using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
public sealed class PixelCacheTests
{
    private static readonly (int Width, int Height)[] Sizes = [(1, 1), (2000, 2000), (1500, 1500), (3000, 2500), (7, 5), (2400, 2000), (1, 3)];

    [TestMethod]
    [DataRow(long.MaxValue)]
    [DataRow(0L)]
    [DataRow(30L << 20)]
    public void Get_ImagesOfManySizesOverManySlabs_GivesThemBack(long memoryLimit)
    {
        using var folder = new TemporaryFolder();
        using var cache = new PixelCache(channels: 3, elementSize: 1, memoryLimit, folder.Path);
        for (int i = 0; i < Sizes.Length; i++)
        {
            cache.Add(Sizes[i].Width, Sizes[i].Height).Fill((byte)(i + 1));
        }

        byte[] buffer = [];
        Assert.AreEqual(Sizes.Length, cache.Count);
        for (int i = Sizes.Length - 1; i >= 0; i--)
        {
            CachedImage image = cache.Get(i, ref buffer);
            Assert.AreEqual(Sizes[i], (image.Width, image.Height));
            Assert.AreEqual(Sizes[i].Width * Sizes[i].Height * 3, image.Pixels.Length);
            Assert.IsFalse(image.Pixels.ContainsAnyExcept((byte)(i + 1)));
        }

        Assert.AreEqual(memoryLimit == long.MaxValue, cache.FileByteCount == 0);
    }

    [TestMethod]
    public void Add_BeyondTheLimit_KeepsMemoryWithinItAndOneSlab()
    {
        using var folder = new TemporaryFolder();
        using var cache = new PixelCache(channels: 3, elementSize: 1, memoryLimit: 40 << 20, folder.Path);
        for (int i = 0; i < 1000; i++)
        {
            cache.Add(256, 256);
            Assert.IsLessThanOrEqualTo((40 << 20) + (16 << 20), cache.MemoryByteCount);
        }

        // A slab is left with up to one image of room.
        Assert.IsGreaterThan(1000L * 256 * 256 * 3 * 98 / 100, cache.MemoryByteCount + cache.FileByteCount);
    }

    [TestMethod]
    public void Dispose_AfterSpilling_LeavesNoFile()
    {
        using var folder = new TemporaryFolder();
        var cache = new PixelCache(channels: 3, elementSize: 1, memoryLimit: 0, folder.Path);
        for (int i = 0; i < 10; i++)
        {
            cache.Add(2000, 2000);
        }

        if (!OperatingSystem.IsWindows())
        {
            // Not even a process that is killed leaves one.
            Assert.IsEmpty(Directory.GetFiles(folder.Path));
        }

        cache.Dispose();
        Assert.IsEmpty(Directory.GetFiles(folder.Path));
    }

    [TestMethod]
    public void Add_FolderThatCannotBeWritten_SaysWhatToDo()
    {
        using var folder = new TemporaryFolder();
        string occupied = folder.File("a-file");
        File.WriteAllText(occupied, "");
        using var cache = new PixelCache(channels: 3, elementSize: 1, memoryLimit: 0, occupied);
        cache.Add(2000, 2000);

        string message = Assert.ThrowsExactly<IOException>(() => _ = cache.Add(3000, 3000).Length).Message;

        StringAssert.StartsWith(message, $"The image cache can't be written to a temporary file in '{occupied}': ");
        StringAssert.Contains(message, "set MLContext.TempFilePath to another folder, or raise CacheMemoryLimit.");
    }

    [TestMethod]
    public void MemoryByteCount_SmallImages_IsCloseToTheirSize()
    {
        using var cache = new PixelCache(channels: 3, elementSize: 1, memoryLimit: long.MaxValue, temporaryFolder: "");
        for (int i = 0; i < 20_000; i++)
        {
            cache.Add(32, 32);
        }

        Assert.IsLessThan((20_000L * 3072) + (16 << 20), cache.MemoryByteCount);
    }
}
