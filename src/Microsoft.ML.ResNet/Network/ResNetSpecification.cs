using System.Collections.ObjectModel;
using System.Globalization;
using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet;

/// <summary>
/// Describes a residual network: the kind of block, how many of them each stage has and how wide they are, the stem and the shortcuts.
/// Two specifications that describe the same network are equal.
/// </summary>
/// <remarks>
/// The first stage keeps the stem's resolution, each later one halves it. The stem is as wide as the first stage.
/// </remarks>
public sealed record ResNetSpecification
{
    // Far above any published network; they keep sizes within reach of 64-bit arithmetic for a specification that comes from a file.
    private const int MaximumStages = 32;
    private const int MaximumDepth = 4096;
    private const int MaximumWidth = 65536;

    private readonly ReadOnlyCollection<int> _depths = new([2, 2, 2, 2]);
    private readonly ReadOnlyCollection<int>? _widths;

    /// <summary>The kind of residual block.</summary>
    /// <value>Default: <see cref="ResNetBlock.Basic"/>.</value>
    public ResNetBlock Block { get; init; } = ResNetBlock.Basic;

    /// <summary>The number of blocks in each stage, first stage first; between 1 and 32 stages of 1 to 4096 blocks.</summary>
    /// <value>Default: 2, 2, 2, 2.</value>
    /// <exception cref="ArgumentNullException">The value is null.</exception>
    public IReadOnlyList<int> Depths
    {
        get => _depths;
        init => _depths = Copy(value);
    }

    /// <summary>
    /// The width of each stage in channels, first stage first; between 1 and 65536. A stage of bottleneck blocks has four times as many
    /// channels at its output.
    /// </summary>
    /// <value>Default: <see cref="BaseWidth"/>, doubled from each stage to the next.</value>
    /// <exception cref="ArgumentNullException">The value is null.</exception>
    public IReadOnlyList<int> Widths
    {
        get => _widths ?? Doubling(BaseWidth, _depths.Count);
        init => _widths = Copy(value);
    }

    /// <summary>The width of the first stage where <see cref="Widths"/> is not given; otherwise it has no meaning.</summary>
    /// <value>Default: 64.</value>
    public int BaseWidth { get; init; } = 64;

    /// <summary>The number of groups of the 3x3 convolution in a bottleneck block (the cardinality of ResNeXt). 1 for basic blocks.</summary>
    /// <value>Default: 1.</value>
    public int Groups { get; init; } = 1;

    /// <summary>
    /// The channels of one group in a bottleneck block of a stage 64 wide; wider stages have more in proportion. 64 for basic blocks.
    /// </summary>
    /// <value>Default: 64.</value>
    public int WidthPerGroup { get; init; } = 64;

    /// <summary>What comes before the first stage.</summary>
    /// <value>Default: <see cref="ResNetStem.Auto"/>, which <see cref="ResolveStem"/> replaces once the size of the images is known.</value>
    public ResNetStem Stem { get; init; } = ResNetStem.Auto;

    /// <summary>How shortcuts get over a change of size or of channel count.</summary>
    /// <value>Default: <see cref="ResNetShortcut.Projection"/>.</value>
    public ResNetShortcut Shortcut { get; init; } = ResNetShortcut.Projection;

    /// <summary>The specification of a named architecture.</summary>
    /// <param name="architecture">The architecture.</param>
    /// <returns>
    /// The specification. The CIFAR family (<see cref="ResNetArchitecture.ResNet20"/> to <see cref="ResNetArchitecture.ResNet110"/>) has
    /// the CIFAR stem and zero-pad shortcuts, as published; the others have <see cref="ResNetStem.Auto"/> and projections.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">The value is none of the enumeration's.</exception>
    public static ResNetSpecification FromArchitecture(ResNetArchitecture architecture) => architecture switch
    {
        // torchvision.models.resnet: blocks, depths, groups and width_per_group of each constructor.
        ResNetArchitecture.ResNet18 => new() { Depths = [2, 2, 2, 2] },
        ResNetArchitecture.ResNet34 => new() { Depths = [3, 4, 6, 3] },
        ResNetArchitecture.ResNet50 => OfBottlenecks(3, 4, 6, 3),
        ResNetArchitecture.ResNet101 => OfBottlenecks(3, 4, 23, 3),
        ResNetArchitecture.ResNet152 => OfBottlenecks(3, 8, 36, 3),
        ResNetArchitecture.ResNeXt50_32x4d => OfBottlenecks(3, 4, 6, 3) with { Groups = 32, WidthPerGroup = 4 },
        ResNetArchitecture.ResNeXt101_32x8d => OfBottlenecks(3, 4, 23, 3) with { Groups = 32, WidthPerGroup = 8 },
        ResNetArchitecture.WideResNet50_2 => OfBottlenecks(3, 4, 6, 3) with { WidthPerGroup = 128 },
        ResNetArchitecture.WideResNet101_2 => OfBottlenecks(3, 4, 23, 3) with { WidthPerGroup = 128 },
        // He et al. 2015, section 4.2: 6n+2 layers, widths 16, 32, 64, option A.
        ResNetArchitecture.ResNet20 => OfCifar(3),
        ResNetArchitecture.ResNet32 => OfCifar(5),
        ResNetArchitecture.ResNet44 => OfCifar(7),
        ResNetArchitecture.ResNet56 => OfCifar(9),
        ResNetArchitecture.ResNet110 => OfCifar(18),
        _ => throw new ArgumentOutOfRangeException(nameof(architecture), architecture, "Not an architecture of this library."),
    };

    /// <summary>Checks that the members describe a network that can be built.</summary>
    /// <exception cref="ArgumentException">They don't; the message lists every fault.</exception>
    public void Validate()
    {
        List<string> faults = [.. Faults()];
        if (faults.Count > 0)
        {
            throw new ArgumentException($"The residual network can't be built: {string.Join(" ", faults)}");
        }
    }

    /// <summary>This specification with the stem settled for images of one size.</summary>
    /// <param name="imageHeight">The height of the images, in pixels; at least 1.</param>
    /// <param name="imageWidth">The width of the images, in pixels; at least 1.</param>
    /// <returns>
    /// The specification itself where its stem is settled already, else a copy with <see cref="ResNetStem.Cifar"/> for images whose
    /// shorter side has at most 64 pixels and <see cref="ResNetStem.ImageNet"/> for larger ones.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1.</exception>
    public ResNetSpecification ResolveStem(int imageHeight, int imageWidth)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(imageHeight, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(imageWidth, 1);
        if (Stem != ResNetStem.Auto)
        {
            return this;
        }

        // The ImageNet stem leaves 16 pixels of 64, and the stages after it 2: too little to tell small images apart.
        const int largestSmallSide = 64;
        return this with { Stem = Math.Min(imageHeight, imageWidth) <= largestSmallSide ? ResNetStem.Cifar : ResNetStem.ImageNet };
    }

    /// <summary>The number of values that training changes: weights and biases, the head's included, without running statistics.</summary>
    /// <param name="classCount">The number of classes; at least 1.</param>
    /// <param name="channels">The channels of the images; at least 1.</param>
    /// <exception cref="ArgumentException">The specification is faulty, or its stem is <see cref="ResNetStem.Auto"/>: see <see cref="ResolveStem"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A count is below 1.</exception>
    public long CountParameters(int classCount, int channels = 3) => StateDictLayout.ParameterCount(this, channels, classCount);

    /// <summary>Whether both describe the same network: lists are compared by their elements.</summary>
    /// <param name="other">The other specification.</param>
    /// <returns>True where every stage, block, stem and shortcut is the same.</returns>
    public bool Equals(ResNetSpecification? other)
        => other is not null
            && Block == other.Block
            && Groups == other.Groups
            && WidthPerGroup == other.WidthPerGroup
            && Stem == other.Stem
            && Shortcut == other.Shortcut
            && _depths.SequenceEqual(other._depths)
            && Widths.SequenceEqual(other.Widths);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Block);
        hash.Add(Groups);
        hash.Add(WidthPerGroup);
        hash.Add(Stem);
        hash.Add(Shortcut);
        foreach (int number in _depths.Concat(Widths))
        {
            hash.Add(number);
        }

        return hash.ToHashCode();
    }

    /// <summary>The members that make the network what it is, lists spelled out.</summary>
    /// <returns>One line of text.</returns>
    public override string ToString()
        => Invariant($"ResNetSpecification {{ Block = {Block}, Depths = [{List(Depths)}], Widths = [{List(Widths)}], Groups = {Groups}, WidthPerGroup = {WidthPerGroup}, Stem = {Stem}, Shortcut = {Shortcut} }}");

    private IEnumerable<string> Faults()
    {
        if (!Enum.IsDefined(Block))
        {
            yield return $"Block is {Block:D}, expected a member of ResNetBlock.";
        }

        if (!Enum.IsDefined(Stem))
        {
            yield return $"Stem is {Stem:D}, expected a member of ResNetStem.";
        }

        if (!Enum.IsDefined(Shortcut))
        {
            yield return $"Shortcut is {Shortcut:D}, expected a member of ResNetShortcut.";
        }

        if (Depths.Count is < 1 or > MaximumStages)
        {
            yield return Invariant($"Depths has {Depths.Count} stages, expected 1 to {MaximumStages}.");
        }

        if (Depths.Any(depth => depth is < 1 or > MaximumDepth))
        {
            yield return Invariant($"Depths is {List(Depths)}, expected 1 to {MaximumDepth} blocks in every stage.");
        }
        else if (Depths.Sum(depth => (long)depth) > MaximumDepth)
        {
            yield return Invariant($"Depths is {List(Depths)}, expected at most {MaximumDepth} blocks in all stages.");
        }

        if (Widths.Count != Depths.Count)
        {
            yield return Invariant($"Widths has {Widths.Count} stages and Depths {Depths.Count}, expected the same number.");
        }

        if (Widths.Any(width => width is < 1 or > MaximumWidth))
        {
            yield return Invariant($"Widths is {List(Widths)}, expected 1 to {MaximumWidth} channels in every stage.");
        }
        else if (Shortcut == ResNetShortcut.ZeroPad && Widths.Zip(Widths.Skip(1)).Any(pair => pair.Second < pair.First))
        {
            yield return $"Widths is {List(Widths)}, and a zero-pad shortcut can't narrow; widen the stages or take projections.";
        }

        if (Groups is < 1 or > MaximumWidth || WidthPerGroup is < 1 or > MaximumWidth)
        {
            yield return Invariant($"Groups is {Groups} and WidthPerGroup {WidthPerGroup}, expected 1 to {MaximumWidth}.");
        }
        else if (Block == ResNetBlock.Basic && (Groups != 1 || WidthPerGroup != 64))
        {
            yield return Invariant($"Groups is {Groups} and WidthPerGroup {WidthPerGroup}, expected 1 and 64 for basic blocks; only bottleneck blocks have groups.");
        }
        else if (Block == ResNetBlock.Bottleneck && Widths.Any(width => Network.Bottleneck.InnerWidth(width, Groups, WidthPerGroup) is < 1 or > MaximumWidth))
        {
            yield return Invariant($"Widths {List(Widths)} with Groups {Groups} and WidthPerGroup {WidthPerGroup} give bottlenecks outside 1 to {MaximumWidth} channels inside.");
        }
    }

    private static ResNetSpecification OfBottlenecks(params int[] depths) => new() { Block = ResNetBlock.Bottleneck, Depths = depths };

    private static ResNetSpecification OfCifar(int depth) => new()
    {
        Depths = [depth, depth, depth],
        Widths = [16, 32, 64],
        Stem = ResNetStem.Cifar,
        Shortcut = ResNetShortcut.ZeroPad,
    };

    private static ReadOnlyCollection<int> Copy(IReadOnlyList<int> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new([.. values]);
    }

    private static ReadOnlyCollection<int> Doubling(int first, int count)
    {
        int[] widths = new int[count];
        long width = first;
        for (int stage = 0; stage < count; stage++)
        {
            widths[stage] = (int)Math.Clamp(width, int.MinValue, int.MaxValue);
            width = Math.Clamp(width * 2, int.MinValue, int.MaxValue);
        }

        return new(widths);
    }

    private static string List(IEnumerable<int> numbers)
        => string.Join(", ", numbers.Take(MaximumStages).Select(number => number.ToString(CultureInfo.InvariantCulture)));

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
