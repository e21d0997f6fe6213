using System.Reflection;
using Microsoft.ML.ResNet.Native;

namespace Microsoft.ML.ResNet.Tests.Native;

/// <summary>
/// TorchSharp holds the numbers that it gives to libtorch no longer than it takes to read their address. BannedSymbols.txt keeps the library
/// from calling anything that does so; these tests keep the list complete.
/// </summary>
[TestClass]
public sealed class TorchSharpScalarsTests
{
    [TestMethod]
    public void BannedSymbols_HoldAllThatTakesOrMakesAScalar()
    {
        string path = Path.Combine(RepositoryPaths.Root, "src", "Microsoft.ML.ResNet", "BannedSymbols.txt");
        string[] banned = [.. File.ReadLines(path).Where(line => line.Length > 0 && !line.StartsWith("//", StringComparison.Ordinal)).Select(line => line.Split(';')[0])];
        string[] found = TorchSharpScalars.PublicIds();

        string[] missing = [.. found.Except(banned)], superfluous = [.. banned.Except(found)];

        Assert.IsGreaterThan(400, found.Length, "The search finds too little to be believed.");
        Assert.IsTrue(
            missing.Length + superfluous.Length == 0,
            $"BannedSymbols.txt lacks {missing.Length} members of this TorchSharp:\n{string.Join("\n", missing)}\nand has {superfluous.Length} that it hasn't:\n{string.Join("\n", superfluous)}");
    }

    [TestMethod]
    [DataRow("M:TorchSharp.torch.Tensor.add_(TorchSharp.Scalar)", "makes its factor 1")]
    [DataRow("M:TorchSharp.torch.Tensor.add_(TorchSharp.torch.Tensor,TorchSharp.Scalar)", "takes one")]
    [DataRow("M:TorchSharp.torch.Tensor.op_Addition(TorchSharp.torch.Tensor,TorchSharp.torch.Tensor)", "calls what makes one")]
    [DataRow("M:TorchSharp.torch.Tensor.square", "makes an exponent")]
    [DataRow("M:TorchSharp.torch.full(System.Int64[],TorchSharp.Scalar,System.Nullable{TorchSharp.torch.ScalarType},TorchSharp.torch.Device,System.Boolean,System.String[])", "takes one")]
    [DataRow("M:TorchSharp.torch.jit.ScriptModule.invoke(System.String,System.Object[])", "makes one of a floating-point argument")]
    public void PublicIds_KnownCases_AreAmongThem(string id, string why) => CollectionAssert.Contains(TorchSharpScalars.PublicIds(), id, why);

    [TestMethod]
    public void PublicIds_MethodsWithoutScalars_AreNotAmongThem()
    {
        string[] ids = TorchSharpScalars.PublicIds();

        foreach (string id in new[] { "M:TorchSharp.torch.Tensor.op_Multiply(TorchSharp.torch.Tensor,TorchSharp.torch.Tensor)", "M:TorchSharp.torch.Tensor.item``1", "M:TorchSharp.torch.Tensor.backward" })
        {
            CollectionAssert.DoesNotContain(ids, id);
        }
    }

    /// <summary>What the analyser doesn't see, such as the operator in <c>sum += tensor</c>.</summary>
    [TestMethod]
    public void Library_CallsThemInOnePlaceOnly()
    {
        HashSet<string> ids = [.. TorchSharpScalars.PublicIds()];
        string[] callers =
        [
            .. IntermediateLanguage.MethodsOf(typeof(ResNetTrainer).Assembly)
                .Where(method => IntermediateLanguage.MethodsNamedBy(method).Any(IsBanned))
                .Select(method => method.DeclaringType!.Name)
                .Distinct(),
        ];

        CollectionAssert.AreEqual(new[] { nameof(ScalarOperations) }, callers);

        bool IsBanned(MethodBase method) => ids.Contains($"T:{method.DeclaringType?.FullName}") || ids.Contains(DocumentationId.Of(method));
    }
}
