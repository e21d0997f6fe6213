using Microsoft.ML;
using Microsoft.ML.ResNet;
using Microsoft.ML.ResNet.PixelNormalizing;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(typeof(PixelNormalizingTransformer), typeof(PixelNormalizingTransformerLoader), null, typeof(SignatureLoadModel), "Pixel normalisation by channel", PixelNormalizingTransformerLoader.Signature)]

namespace Microsoft.ML.ResNet.PixelNormalizing;

/// <summary>Loads the transformer from a model file; ML.NET finds it by its signature and calls it by reflection.</summary>
internal static class PixelNormalizingTransformerLoader
{
    public const string Signature = "ResNetPixelNormalizing";

    public static ModelFolder Folder { get; } = new(Signature, "RESNETPX");

    public static PixelNormalizingTransformer Create(IHostEnvironment environment, ModelLoadContext context)
        => Folder.Load(context, PixelNormalizingTransformer.Load);
}
