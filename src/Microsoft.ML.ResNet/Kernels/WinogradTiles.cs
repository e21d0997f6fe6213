using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>The tiles of a batch of images, and how a convolution goes through them.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly struct WinogradTiles
{
    private const int Points = WinogradTransform.Points;

    /// <summary>The tiles of a block: whole calls of the kernel, and few enough that what is computed of them stays in a core's cache.</summary>
    private const int LargestBlock = 8 * MatrixKernel.Rows;

    /// <summary>With fewer tiles, filters that don't fit in a core's cache would be read for little.</summary>
    private const int FewTiles = 160;

    /// <param name="threads">Those that may take part.</param>
    public WinogradTiles(Activations input, int threads)
    {
        Rows = (input.Height + 1) / WinogradTransform.OutputSide;
        Columns = (input.Width + 1) / WinogradTransform.OutputSide;
        Count = input.Count * Rows * Columns;
        Blocks = (Count + LargestBlock - 1) / LargestBlock;
        ArePhases = Count <= FewTiles || Blocks < 4 * threads;
    }

    public int Rows { get; }

    public int Columns { get; }

    public int Count { get; }

    public int Blocks { get; }

    /// <summary>
    /// Whether all tiles are transformed before any is multiplied, which is divided by points and channels then. Otherwise one block after the other
    /// is transformed and multiplied while it is in the cache.
    /// </summary>
    public bool ArePhases { get; }

    public static int BlockTiles => LargestBlock;

    /// <summary>The tiles, filled up to whole calls of the kernel.</summary>
    public int FilledCount => (Count + MatrixKernel.Rows - 1) / MatrixKernel.Rows * MatrixKernel.Rows;

    /// <summary>Where a tile of output begins.</summary>
    public (int Image, int Y, int X) Locate(int tile)
    {
        int inImage = Rows * Columns, position = tile % inImage;
        return (tile / inImage, position / Columns * WinogradTransform.OutputSide, position % Columns * WinogradTransform.OutputSide);
    }

    /// <summary>Where the next one begins. Divisions would take longer than the transform of sixteen channels.</summary>
    public void Advance(ref (int Image, int Y, int X) tile)
    {
        tile.X += WinogradTransform.OutputSide;
        if (tile.X < Columns * WinogradTransform.OutputSide)
        {
            return;
        }

        tile.X = 0;
        tile.Y += WinogradTransform.OutputSide;
        if (tile.Y < Rows * WinogradTransform.OutputSide)
        {
            return;
        }

        tile.Y = 0;
        tile.Image++;
    }

    /// <summary>The transformed input and the sums of all tiles.</summary>
    public long SharedLength(int inputs, int outputs) => (long)Points * FilledCount * (inputs + outputs);

    /// <summary>The transformed input and the sums of a block, and a pixel of zeros.</summary>
    public long BlockScratchLength(int inputs, int outputs) => ((long)Points * BlockTiles * (inputs + outputs)) + inputs;
}
