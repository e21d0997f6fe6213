using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Microsoft.ML.ResNet.Tests.Repository;

/// <summary>Tests run side by side but for those that read or change what belongs to the whole process.</summary>
[TestClass]
public sealed class ParallelTestsTests
{
    private static readonly HashSet<string> s_processState =
        ["TotalCount", "CountAfterCollection", "WorkingSet", "PeakWorkingSet64", "set_num_threads", "SetEnvironmentVariable", "CurrentDirectory", "SetOut", "SetError"];

    [TestMethod]
    public void Tests_ThatUseStateOfTheProcess_AreNotParallel()
    {
        string folder = Path.Combine(RepositoryPaths.Root, "test", "Microsoft.ML.ResNet.Tests");
        string[] files = [.. Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"))];
        Assert.IsGreaterThan(100, files.Length);
        List<string> found = [];
        int marked = 0;
        foreach (ClassDeclarationSyntax type in files.SelectMany(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file)).GetRoot().DescendantNodes().OfType<ClassDeclarationSyntax>()).Where(type => Has(type, "TestClass")))
        {
            MethodDeclarationSyntax[] methods = [.. type.Members.OfType<MethodDeclarationSyntax>()];
            HashSet<string> users = Users(methods);
            foreach (MethodDeclarationSyntax method in methods.Where(method => users.Contains(method.Identifier.Text) && Has(method, "TestMethod")))
            {
                if (Has(method, "DoNotParallelize") || Has(type, "DoNotParallelize"))
                {
                    marked++;
                }
                else
                {
                    found.Add($"{type.Identifier.Text}.{method.Identifier.Text}");
                }
            }
        }

        Assert.IsGreaterThan(30, marked);
        Assert.IsEmpty(found, $"Tests that need DoNotParallelize: {string.Join(", ", found)}");
    }

    /// <summary>The methods of a class that name state of the process, and those that name one of them.</summary>
    private static HashSet<string> Users(MethodDeclarationSyntax[] methods)
    {
        HashSet<string> users = [], names = [.. s_processState];
        int before;
        do
        {
            before = users.Count;
            foreach (MethodDeclarationSyntax method in methods.Where(method => method.DescendantNodes().OfType<IdentifierNameSyntax>().Any(name => names.Contains(name.Identifier.Text))))
            {
                users.Add(method.Identifier.Text);
                names.Add(method.Identifier.Text);
            }
        }
        while (users.Count > before);
        return users;
    }

    private static bool Has(MemberDeclarationSyntax member, string attribute)
        => member.AttributeLists.SelectMany(list => list.Attributes).Any(each => each.Name.ToString() == attribute);
}
