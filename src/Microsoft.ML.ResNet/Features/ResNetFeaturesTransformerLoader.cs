using Microsoft.ML;
using Microsoft.ML.ResNet;
using Microsoft.ML.ResNet.Features;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(typeof(ResNetFeaturesTransformer), typeof(ResNetFeaturesTransformerLoader), null, typeof(SignatureLoadModel), "Residual network image features", ResNetFeaturesTransformerLoader.Signature)]

namespace Microsoft.ML.ResNet.Features;

/// <summary>Loads the transformer from a model file; ML.NET finds it by its signature and calls it by reflection.</summary>
internal static class ResNetFeaturesTransformerLoader
{
    public const string Signature = "ResNetFeatures";

    public static ModelFolder Folder { get; } = new(Signature, "RESNETFT", "Features.json");

    public static ResNetFeaturesTransformer Create(IHostEnvironment environment, ModelLoadContext context)
        => Folder.Load(context, (description, weights) => ResNetFeaturesTransformer.Load(environment, description, weights));
}
