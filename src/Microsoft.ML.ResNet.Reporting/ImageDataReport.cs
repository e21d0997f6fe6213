using Microsoft.ML.ResNet.Reporting;
using static Microsoft.ML.ResNet.Reporting.HtmlPage;

namespace Microsoft.ML.ResNet;

/// <summary>Writes what is doubtful about a data set of images, with thumbnails, as one HTML file without outside references.</summary>
public static class ImageDataReport
{
    /// <summary>Writes labels that may be wrong, and images that are the same or nearly so. The rows' texts are the paths of the images.</summary>
    /// <param name="path">The file to write. It is replaced only when the new one is complete.</param>
    /// <param name="labels">The result of <c>FindLabelErrors</c>, those that are likely errors of which are shown; null: no such part.</param>
    /// <param name="duplicates">The result of <c>FindDuplicateImages</c> within the data; null: no such part.</param>
    /// <param name="leaks">The result of <c>FindDuplicateImages</c> between training images (the first) and test images (the second); null: no such part.</param>
    /// <param name="options">Title and limits; null: the defaults.</param>
    /// <exception cref="ArgumentException">A limit is below 0.</exception>
    /// <exception cref="IOException">The file can't be written.</exception>
    public static void Write(
        string path,
        IReadOnlyList<LabelSuspicion>? labels,
        IReadOnlyList<SimilarImages>? duplicates = null,
        IReadOnlyList<SimilarImages>? leaks = null,
        ImageDataReportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        options ??= new ImageDataReportOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(options.MaxShown, nameof(options.MaxShown));
        LabelSuspicion[]? errors = labels is null ? null : [.. labels.Where(row => row.IsLikelyError)];
        var page = new HtmlPage(options.Title, labels is null ? "Images that are the same or nearly so" : $"{Number(labels.Count)} labelled images");
        page.Add("<ul class=\"figures\">");
        Figure("Doubtful labels", errors?.Length, "another class is as probable as it is for its own images");
        Figure("Duplicates", duplicates?.Count, "pairs of images that are the same or nearly so");
        Figure("Test images in the training set", leaks?.Select(pair => pair.SecondRow).Distinct().Count(), "the same or nearly so");
        page.Add("</ul>");
        if (errors is not null)
        {
            page.Add($"<h2>Doubtful labels</h2>\n<p class=\"muted\">{Shown(errors.Length, options)}, the least probable label first, by a classifier that was fitted to other images.</p>\n<ul class=\"images\">");
            foreach (LabelSuspicion error in errors.Take(options.MaxShown))
            {
                page.Add($"<li>{Picture(Content(error.ImagePath), error.Label)}<span class=\"wrong\">{Text(error.Label)}</span>, {Percent(error.LabelProbability)}<br>rather {Text(error.SuggestedLabel)}, {Percent(error.SuggestedProbability)}{Name(error.ImagePath)}</li>");
            }

            page.Add("</ul>");
        }

        Pairs("Test images in the training set", "training image and test image", leaks);
        Pairs("Duplicates", "within the data", duplicates);
        page.Write(path);

        void Figure(string name, int? value, string note)
        {
            if (value is { } known)
            {
                page.Figure(name, Number(known), note);
            }
        }

        void Pairs(string heading, string which, IReadOnlyList<SimilarImages>? pairs)
        {
            if (pairs is null)
            {
                return;
            }

            page.Add($"<h2>{heading}</h2>\n<p class=\"muted\">{Shown(pairs.Count, options)}, {which}, the most similar first.</p>\n<ul class=\"images explained\">");
            foreach (SimilarImages pair in pairs.Take(options.MaxShown))
            {
                page.Add($"<li><span class=\"pictures\">{Picture(Content(pair.FirstPath), "First image")}{Picture(Content(pair.SecondPath), "Second image")}</span>cosine {Number(pair.Similarity, "F3")}{Name(pair.FirstPath)}{Name(pair.SecondPath)}</li>");
            }

            page.Add("</ul>");
        }
    }

    private static string Shown(int count, ImageDataReportOptions options) => count > options.MaxShown ? $"{Number(count)} in all, the first {Number(options.MaxShown)} here" : $"{Number(count)} in all";

    private static ImageContent? Content(string path) => path.Length == 0 ? null : new ImageContent(path, null);

    private static string Name(string path) => path.Length == 0 ? "" : $"<br><span class=\"muted\">{Text(Content(path)!.Name)}</span>";
}
