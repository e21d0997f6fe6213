using Microsoft.ML;
using Microsoft.ML.ResNet;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(typeof(ResNetTransformer), typeof(ModelArchive), null, typeof(SignatureLoadModel), "Residual network image classifier", ModelArchive.TransformerSignature)]
[assembly: LoadableClass(typeof(PixelNormalizingTransformer), typeof(ModelArchive.PixelNormalizing), null, typeof(SignatureLoadModel), "Pixel normalisation by channel", ModelArchive.PixelNormalizing.Signature)]
[assembly: LoadableClass(typeof(ResNetFeaturesTransformer), typeof(ModelArchive.Features), null, typeof(SignatureLoadModel), "Residual network image features", ModelArchive.Features.Signature)]

namespace Microsoft.ML.ResNet.Model;

/// <summary>
/// ML.NET's side of saving and loading: the header by which <c>Model.Load</c> finds this assembly in a process that never named it,
/// and the named streams of a model's folder in the zip.
/// </summary>
internal static class ModelArchive
{
    /// <summary>The transformer's name in the model file. It never changes.</summary>
    internal const string TransformerSignature = "ResNetTransformer";

    private const string DescriptionStream = "Description.json";
    private const string WeightsStream = "Weights.safetensors";

    /// <summary>The most bytes that a description is unpacked to.</summary>
    internal const int LongestDescription = 16 << 20;

    /// <summary>Loads a transformer; ML.NET calls it by reflection.</summary>
    public static ResNetTransformer Create(IHostEnvironment environment, ModelLoadContext context)
    {
        CheckVersion(context, TransformerVersion);
        ResNetTransformer? transformer = null;
        byte[]? description = null;
        if (!context.TryLoadBinaryStream(DescriptionStream, reader => description = ReadDescription(reader.BaseStream)))
        {
            throw Missing(DescriptionStream);
        }

        if (!context.TryLoadBinaryStream(WeightsStream, reader => transformer = ResNetTransformer.Load(environment, description!, reader.BaseStream)))
        {
            throw Missing(WeightsStream);
        }

        return transformer!;
    }

    public static void Save(ModelSaveContext context, byte[] description, Action<Stream> writeWeights)
    {
        context.CheckAtModel();
        context.SetVersionInfo(TransformerVersion);
        context.SaveBinaryStream(DescriptionStream, writer => writer.Write(description));
        StoredEntry.Save(context, WeightsStream, writeWeights);
    }

    private static VersionInfo TransformerVersion => Version("RESNETTR", TransformerSignature);

    /// <summary>The header of a component in format version 1; the parts inside carry versions of their own.</summary>
    private static VersionInfo Version(string modelSignature, string loaderSignature)
        => new(
            modelSignature: modelSignature,
            verWrittenCur: 0x00010001,
            verReadableCur: 0x00010001,
            verWeCanReadBack: 0x00010001,
            loaderSignature: loaderSignature,
            loaderAssemblyName: typeof(ModelArchive).Assembly.FullName);

    private static void CheckVersion(ModelLoadContext context, VersionInfo version)
    {
        context.CheckAtModel();
        context.CheckVersionInfo(version);
    }

    private static byte[] ReadDescription(Stream stream)
    {
        using var copy = new MemoryStream();
        byte[] buffer = new byte[1 << 16];
        for (int count = stream.Read(buffer); count > 0; count = stream.Read(buffer))
        {
            copy.Write(buffer, 0, copy.Length + count <= LongestDescription
                ? count
                : throw new InvalidDataException($"The model file's description unpacks to more than {LongestDescription} bytes, which no model's does."));
        }

        return copy.ToArray();
    }

    private static InvalidDataException Missing(string stream)
        => new($"The model file has a residual network without its part '{stream}'. The file is incomplete: save the model again.");

    /// <summary>The same for <see cref="ResNetFeaturesTransformer"/>, whose description has a name of its own.</summary>
    internal static class Features
    {
        internal const string Signature = "ResNetFeatures";

        private const string FeaturesStream = "Features.json";

        public static ResNetFeaturesTransformer Create(IHostEnvironment environment, ModelLoadContext context)
        {
            CheckVersion(context, FeaturesVersion);
            ResNetFeaturesTransformer? transformer = null;
            byte[]? description = null;
            if (!context.TryLoadBinaryStream(FeaturesStream, reader => description = ReadDescription(reader.BaseStream)))
            {
                throw Missing(FeaturesStream);
            }

            return context.TryLoadBinaryStream(WeightsStream, reader => transformer = ResNetFeaturesTransformer.Load(environment, description!, reader.BaseStream))
                ? transformer!
                : throw Missing(WeightsStream);
        }

        public static void Save(ModelSaveContext context, byte[] description, Action<Stream> writeWeights)
        {
            context.CheckAtModel();
            context.SetVersionInfo(FeaturesVersion);
            context.SaveBinaryStream(FeaturesStream, writer => writer.Write(description));
            StoredEntry.Save(context, WeightsStream, writeWeights);
        }

        private static VersionInfo FeaturesVersion => Version("RESNETFT", Signature);
    }

    /// <summary>The same for <see cref="PixelNormalizingTransformer"/>, whose description is its only part.</summary>
    internal static class PixelNormalizing
    {
        internal const string Signature = "ResNetPixelNormalizing";

        public static PixelNormalizingTransformer Create(IHostEnvironment environment, ModelLoadContext context)
        {
            CheckVersion(context, NormalizingVersion);
            byte[]? description = null;
            return context.TryLoadBinaryStream(DescriptionStream, reader => description = ReadDescription(reader.BaseStream))
                ? PixelNormalizingTransformer.Load(description!)
                : throw Missing(DescriptionStream);
        }

        public static void Save(ModelSaveContext context, byte[] description)
        {
            context.CheckAtModel();
            context.SetVersionInfo(NormalizingVersion);
            context.SaveBinaryStream(DescriptionStream, writer => writer.Write(description));
        }

        private static VersionInfo NormalizingVersion => Version("RESNETPX", Signature);
    }
}
