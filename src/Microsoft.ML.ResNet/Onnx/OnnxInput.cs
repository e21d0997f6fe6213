using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Model;

namespace Microsoft.ML.ResNet.Onnx;

/// <summary>What an exported graph takes and how it normalises that: <c>value * Scale[channel] + Offset[channel]</c>.</summary>
/// <param name="Format">Size, element type, layout and normalisation.</param>
/// <param name="Range">What the values mean.</param>
/// <param name="Side">The side of the square whose centre the graph cuts out; null where it takes images of the network's size.</param>
internal sealed record OnnxInput(InputFormat Format, PixelRange Range, int? Side)
{
    public int Width => Side ?? Format.Width;

    public int Height => Side ?? Format.Height;

    /// <exception cref="ArgumentException">The options ask for what the model can't take.</exception>
    public static OnnxInput Of(ModelDescription.ImagePart image, OnnxExportOptions options)
    {
        bool isPixels = image.Kind == FeatureKind.Pixels;
        bool isFloat = options.InputType == OnnxInputType.Float32;
        PixelRange range = isPixels ? image.Range : PixelRange.ZeroTo255;
        InputFormat format;
        if (options.PixelNormalization is { } normalization)
        {
            Check(normalization, range, image.Mean.Length);
            range = isFloat && normalization.Scale == 1 ? PixelRange.ZeroToOne : PixelRange.ZeroTo255;
            format = InputFormat.Of(image.Width, image.Height, range, normalization.Mean, normalization.StandardDeviation) with
            {
                Scale = [.. normalization.StandardDeviation.Select(deviation => (float)((double)normalization.Scale / deviation))],
            };
        }
        else
        {
            if (!isFloat && range == PixelRange.Normalized)
            {
                throw new ArgumentException(
                    "InputType is UInt8, but the model was trained on normalised pixels. Set PixelNormalization to the NormalizePixels transformer of the pipeline, or InputType to Float32.");
            }

            // A byte is 0 to 255, also where the model was trained on vectors of 0 to 1.
            range = isFloat ? range : PixelRange.ZeroTo255;
            format = InputFormat.Of(image.Width, image.Height, range, image.Mean, image.StandardDeviation);
        }

        bool isPlanar = options.InputLayout == PixelLayout.Auto ? !isPixels || image.IsPlanar : options.InputLayout == PixelLayout.Planar;
        return new OnnxInput(format with { IsFloat = isFloat, IsPlanar = isPlanar }, range, options.IncludeCenterCrop ? CroppedSide(image) : null);
    }

    /// <summary>Adds the input and the nodes that normalise it.</summary>
    /// <returns>The name of the images, <c>[N,C,H,W] float32</c>.</returns>
    public string AddTo(OnnxGraph graph, string name)
    {
        OnnxElementType type = Format.IsFloat ? OnnxElementType.Float32 : OnnxElementType.UInt8;
        string images = Format.IsPlanar
            ? graph.Input(name, type, Format.Channels, Height, Width)
            : graph.Input(name, type, Height, Width, Format.Channels);
        if (Side is { } side)
        {
            var (left, top) = ImageGeometry.CropOffset(CropPosition.Center, side, side, Format.Width, Format.Height);
            string starts = graph.Constant("input.starts", top, left), ends = graph.Constant("input.ends", top + Format.Height, left + Format.Width);
            string axes = Format.IsPlanar ? graph.Constant("input.axes", 2, 3) : graph.Constant("input.axes", 1, 2);
            images = graph.Node("Slice", "input.center", [images, starts, ends, axes]);
        }

        if (!Format.IsFloat)
        {
            images = graph.Node("Cast", "input.float", [images], OnnxAttribute.Integer("to", (long)OnnxElementType.Float32));
        }

        if (!Format.IsPlanar)
        {
            images = graph.Node("Transpose", "input.planar", [images], OnnxAttribute.Integers("perm", 0, 3, 1, 2));
        }

        if (Format.Scale.Any(value => value != 1) || Format.Offset.Any(value => value != 0))
        {
            images = graph.Node("Mul", "input.scaled", [images, graph.Constant("input.scale", Format.Scale, Format.Channels, 1, 1)]);
            images = graph.Node("Add", "input.normalized", [images, graph.Constant("input.offset", Format.Offset, Format.Channels, 1, 1)]);
        }

        return images;
    }

    private static int CroppedSide(ModelDescription.ImagePart image)
    {
        if (image.Kind == FeatureKind.Pixels || image.Fit != ImageFit.ShortSideCrop)
        {
            throw new ArgumentException(
                $"IncludeCenterCrop is set, but the model {(image.Kind == FeatureKind.Pixels ? "was trained on pixel vectors, which are not cropped" : $"fits its images by {image.Fit}, without a crop")}. Leave it false.");
        }

        return Math.Max(image.ShortSide, Math.Max(image.Width, image.Height));
    }

    private static void Check(PixelNormalizingTransformer normalization, PixelRange range, int channels)
    {
        if (range != PixelRange.Normalized)
        {
            throw new ArgumentException($"PixelNormalization is set, but the model was trained on pixels of the range {range} and normalises them itself. Leave it null.");
        }

        if (normalization.Mean.Count != channels)
        {
            throw new ArgumentException($"PixelNormalization has {normalization.Mean.Count} channels, but the model has {channels}. Take the NormalizePixels transformer of the same pipeline.");
        }
    }
}
