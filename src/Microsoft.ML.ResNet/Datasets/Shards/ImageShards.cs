using System.Collections;
using System.Globalization;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>The labelled images of tar files, listed anew by each enumeration, a row after the other.</summary>
/// <param name="source">The files as the user named them.</param>
/// <param name="warn">Told by the first enumeration to the end what is left out.</param>
internal sealed class ImageShards(string source, string[] files, ShardLabels labels, Action<string> warn) : IEnumerable<LabeledImageFile>
{
    private int _warned;

    /// <summary>Finds the tar files, and where their labels are.</summary>
    /// <param name="labelExtension">The extension of the files that have the labels; null: as the first tar file shows; empty: there are none.</param>
    /// <exception cref="FileNotFoundException">There are no tar files.</exception>
    /// <exception cref="InvalidDataException">The first is no whole tar file.</exception>
    public static ImageShards Open(string shards, string? labelExtension, Action<string> warn)
    {
        string[] files = ShardFiles.Find(shards);
        if (labelExtension is not null)
        {
            string extension = labelExtension.TrimStart('.');
            return new ImageShards(shards, files, new ShardLabels(extension.Length == 0 ? null : extension, false), warn);
        }

        ShardLabels labels = ShardLabels.Detect(files[0]);
        if (labels is { Extension: null, IsFolder: false })
        {
            warn($"The tar file '{files[0]}' has no labels: neither files with .cls, .json or .txt beside the images, nor folders. The labels of '{shards}' are empty.");
        }

        return new ImageShards(shards, files, labels, warn);
    }

    public IEnumerator<LabeledImageFile> GetEnumerator()
    {
        var leftOut = new LeftOut();
        bool hasImages = false;
        foreach (string tar in files)
        {
            foreach (LabeledImageFile image in labels.Extension is null ? ImagesOf(tar, leftOut) : SamplesOf(tar, leftOut))
            {
                hasImages = true;
                yield return image;
            }
        }

        if (!hasImages)
        {
            throw new InvalidOperationException($"No tar file of '{source}' has an image, expected files of the formats {ImageSignature.SupportedFormats}.");
        }

        if (leftOut.ToString() is { Length: > 0 } message && Interlocked.Exchange(ref _warned, 1) == 0)
        {
            warn($"Of the tar files '{source}', {message}");
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Each image by itself.</summary>
    private IEnumerable<LabeledImageFile> ImagesOf(string tar, LeftOut leftOut)
    {
        foreach (TarMember member in TarMembers.Read(tar))
        {
            ShardName name = ShardName.Of(member.Name);
            if (member.IsLink || !name.IsImage)
            {
                leftOut.Add(tar, member);
                continue;
            }

            if (labels.IsFolder && name.Folder.Length == 0)
            {
                throw new InvalidDataException($"'{member.Name}' of the tar file '{tar}' is in no folder, expected one with the name of its class, as in '{files[0]}'.");
            }

            yield return new LabeledImageFile { ImagePath = $"{tar}/{member.Name}", Label = labels.IsFolder ? name.Folder : "" };
        }
    }

    /// <summary>Each image with the label beside it.</summary>
    private IEnumerable<LabeledImageFile> SamplesOf(string tar, LeftOut leftOut)
    {
        string? key = null;
        TarMember? image = null, label = null;
        foreach (TarMember member in TarMembers.Read(tar))
        {
            ShardName name = ShardName.Of(member.Name);
            if (name.Key != key)
            {
                if (Sample(tar, image, label, leftOut) is { } sample)
                {
                    yield return sample;
                }

                (key, image, label) = (name.Key, null, null);
            }

            if (member.IsLink)
            {
                leftOut.Add(tar, member);
            }
            else if (labels.IsLabel(name))
            {
                label = label is null ? member : throw Twice(tar, label.Value, member);
            }
            else if (name.IsImage && !name.Extension.Contains('.', StringComparison.Ordinal))
            {
                image = image is null ? member : throw Twice(tar, image.Value, member);
            }
        }

        if (Sample(tar, image, label, leftOut) is { } last)
        {
            yield return last;
        }
    }

    private LabeledImageFile? Sample(string tar, TarMember? image, TarMember? label, LeftOut leftOut)
    {
        if (image is not { } found)
        {
            if (label is { } alone)
            {
                leftOut.Add(tar, alone);
            }

            return null;
        }

        return label is { } of
            ? new LabeledImageFile { ImagePath = $"{tar}/{found.Name}", Label = labels.Read(tar, of) }
            : throw new InvalidDataException($"'{found.Name}' of the tar file '{tar}' has no label, expected '{ShardName.Of(found.Name).Key}.{labels.Extension}' next to it.");
    }

    private static InvalidDataException Twice(string tar, TarMember first, TarMember second)
        => new($"The sample '{ShardName.Of(first.Name).Key}' of the tar file '{tar}' has both '{first.Name}' and '{second.Name}', expected one of them.");

    /// <summary>What is not listed, in numbers.</summary>
    private sealed class LeftOut
    {
        private int _count;
        private string _first = "";

        public void Add(string tar, TarMember member)
        {
            _first = _count++ == 0 ? $"'{member.Name}' of '{tar}'" : _first;
        }

        public override string ToString() => _count == 0 ? "" : string.Create(
            CultureInfo.InvariantCulture, $"{_count} files are left out, the first {_first}: links, files that hold no {ImageSignature.SupportedFormats}, or labels without an image.");
    }
}
