using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.ML.ResNet.MLNet;

namespace Microsoft.ML.ResNet.Reporting;

/// <summary>An HTML page without outside references, while it is written.</summary>
internal sealed class HtmlPage
{
    private readonly StringBuilder _html = new();

    /// <param name="note">The line under the title, as HTML.</param>
    public HtmlPage(string title, string note)
    {
        using Stream resource = typeof(HtmlPage).Assembly.GetManifestResourceStream("Microsoft.ML.ResNet.report.css")!;
        using var reader = new StreamReader(resource);
        Add($"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{Text(title)}</title>");
        Add($"<style>\n{reader.ReadToEnd()}</style>\n</head>\n<body>\n<header>\n<h1>{Text(title)}</h1>");
        Add($"<p class=\"muted\">{note}; {DateTime.Now.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)}</p>\n</header>\n<main>");
    }

    public static string Percent(double share) => double.IsNaN(share) ? "-" : string.Create(CultureInfo.InvariantCulture, $"{share * 100:F1} %");

    public static string Number(double value, string format = "N0") => value.ToString(format, CultureInfo.InvariantCulture);

    public static string Text(string? text) => WebUtility.HtmlEncode(text ?? "");

    /// <summary>A thumbnail, or an empty square where there is no image or it can't be decoded.</summary>
    public static string Picture(ImageContent? image, string description) => (image is null ? null : Thumbnail.DataUri(image)) is { } uri
        ? $"<img src=\"{uri}\" alt=\"{Text(description)}\" loading=\"lazy\">"
        : "<div class=\"none\"></div>";

    public void Add(string html) => _html.Append(html).Append('\n');

    /// <summary>A number of the list at the top.</summary>
    public void Figure(string name, string value, string note) => Add($"<li>{name}<strong>{value}</strong><span>{note}</span></li>");

    /// <summary>Ends the page and writes it; a file that is there is replaced only when the new one is complete.</summary>
    /// <exception cref="IOException">The file can't be written.</exception>
    public void Write(string path)
    {
        Add("</main>\n</body>\n</html>\n");
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(_html.ToString())), "Free space there or choose another path for the page.");
    }
}
