using Microsoft.ML.ResNet.Model;

namespace Microsoft.ML.ResNet.Onnx;

/// <summary>What an exported file says about itself in its <c>metadata_props</c>.</summary>
internal static class OnnxMetadata
{
    private const string DefaultLicenseNotes =
        "The weights are subject to the terms of whoever trained them, of the training images, and of the weights that the training began with, if any. "
        + "Microsoft.ML.ResNet, which wrote this file, is under the MIT licence and puts none of its code into it.";

    public static Dictionary<string, string> Of(ModelDescription description, OnnxInput input, OnnxExportOptions options)
    {
        ModelDescription.ImagePart image = description.Image;
        Dictionary<string, string> metadata = ModelMetadata.Of(description);
        metadata["preprocessing"] = ModelMetadata.ToJson(new
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
            inputWidth = input.Width,
            inputHeight = input.Height,
            inGraph = new { scale = input.Format.Scale, offset = input.Format.Offset },
        });
        if (description.TestTimeAugmentation != TestTimeAugmentation.None)
        {
            metadata["test_time_augmentation"] = description.TestTimeAugmentation.ToString();
        }

        metadata["license"] = options.LicenseNotes ?? DefaultLicenseNotes;
        return metadata;
    }
}
