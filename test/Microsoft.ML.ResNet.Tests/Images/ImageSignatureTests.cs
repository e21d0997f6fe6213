using System.Text;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
public sealed class ImageSignatureTests
{
    [TestMethod]
    [DataRow("", "nothing: it is empty (0 bytes)")]
    [DataRow("II*\0\u0010\0", "a TIFF image")]
    [DataRow("MM\0*\0\0", "a TIFF image")]
    [DataRow("\0\0\0\u0018ftypheic\0\0", "a HEIC image")]
    [DataRow("\0\0\0\u001Cftypavif\0\0", "an AVIF image")]
    [DataRow("\0\0\0\u001Cftypmp42\0\0", "an MP4 or QuickTime file")]
    [DataRow("%PDF-1.7", "a PDF document")]
    [DataRow("<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\">", "an SVG drawing")]
    [DataRow("<!DOCTYPE html><html>", "an HTML page")]
    [DataRow("\u00FF\u00D8\u00FF\u00E0", "a JPEG image with a damaged or incomplete header")]
    [DataRow("\u0089PNG\r\n", "a PNG image with a damaged or incomplete header")]
    [DataRow("version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, not the file itself (run 'git lfs pull')")]
    [DataRow("just some words\n", "text")]
    [DataRow("\u0001\u0002\u0003\u0004", "no known image format")]
    public void Describe_KnownBeginning_NamesIt(string content, string expected)
    {
        Assert.AreEqual(expected, ImageSignature.Describe(Encoding.Latin1.GetBytes(content)));
    }
}
