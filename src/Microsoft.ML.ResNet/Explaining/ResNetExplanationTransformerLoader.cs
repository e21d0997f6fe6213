using Microsoft.ML;
using Microsoft.ML.ResNet;
using Microsoft.ML.ResNet.Explaining;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(typeof(ResNetExplanationTransformer), typeof(ResNetExplanationTransformerLoader), null, typeof(SignatureLoadModel), "Residual network explanations", ResNetExplanationTransformerLoader.Signature)]

namespace Microsoft.ML.ResNet.Explaining;

/// <summary>Loads the transformer from a model file; ML.NET finds it by its signature and calls it by reflection.</summary>
internal static class ResNetExplanationTransformerLoader
{
    public const string Signature = "ResNetExplanation";

    public static ModelFolder Folder { get; } = new(Signature, "RESNETEX", "Explanation.json");

    public static ResNetExplanationTransformer Create(IHostEnvironment environment, ModelLoadContext context)
        => Folder.Load(context, (description, weights) => ResNetExplanationTransformer.Load(environment, description, weights));
}
