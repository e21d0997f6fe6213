using Microsoft.ML;
using Microsoft.ML.ResNet;
using Microsoft.ML.ResNet.Classifier;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(typeof(ResNetTransformer), typeof(ResNetTransformerLoader), null, typeof(SignatureLoadModel), "Residual network image classifier", ResNetTransformerLoader.Signature)]

namespace Microsoft.ML.ResNet.Classifier;

/// <summary>Loads the transformer from a model file; ML.NET finds it by its signature and calls it by reflection.</summary>
internal static class ResNetTransformerLoader
{
    public const string Signature = "ResNetTransformer";

    public static ModelFolder Folder { get; } = new(Signature, "RESNETTR");

    public static ResNetTransformer Create(IHostEnvironment environment, ModelLoadContext context)
        => Folder.Load(context, (description, weights) => ResNetTransformer.Load(environment, description, weights));
}
