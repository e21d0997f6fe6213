using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.ML.ResNet.Serialization;

namespace Microsoft.ML.ResNet.Onnx;

/// <summary>What an exported file says about itself in its <c>metadata_props</c>, for applications and readers.</summary>
internal static class OnnxMetadata
{
    private const string DefaultLicenseNotes =
        "The weights are subject to the terms of whoever trained them, of the training images, and of the weights that the training began with, if any. "
        + "Microsoft.ML.ResNet, which wrote this file, is under the MIT licence and puts none of its code into it.";

    // Class names stay readable in any script.
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static IEnumerable<KeyValuePair<string, string>> Of(ModelDescription description, OnnxInput input, OnnxExportOptions options)
    {
        ModelDescription.ImagePart image = description.Image;
        yield return new("architecture", description.Network.Architecture ?? description.Network.ToSpecification().ToString());
        yield return new("class_names", JsonSerializer.Serialize(description.Classes.Names, Json));
        yield return new("class_type", description.Classes.Type);
        yield return new("preprocessing", JsonSerializer.Serialize(
            new
            {
                width = image.Width,
                height = image.Height,
                channels = input.Format.Channels,
                colours = input.Format.Channels == 3 ? "RGB" : "grey",
                layout = input.Format.IsPlanar ? "NCHW" : "NHWC",
                type = input.Format.IsFloat ? "float32" : "uint8",
                range = input.Range.ToString(),
                fit = image.Fit.ToString(),
                shortSide = image.ShortSide,
                inGraph = new { scale = input.Format.Scale, offset = input.Format.Offset },
            },
            Json));
        yield return new("license", options.LicenseNotes ?? DefaultLicenseNotes);
    }
}
