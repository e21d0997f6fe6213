using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Native;

/// <summary>
/// Compiles TorchScript that names any operator of libtorch, also those that TorchSharp doesn't bind; <c>jit.compile</c> knows only those
/// of the name space aten. The way there is an archive of format version 3, as <c>torch.jit.save</c> writes it, of a module without state.
/// </summary>
internal static class TorchScript
{
    /// <param name="methods">The module's methods, indented by two blanks, in the syntax of such archives; <c>self</c> is of type <c>__torch__.M</c>.</param>
    /// <param name="folder">Where the archive is written and removed again.</param>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">The text is faulty, or this libtorch lacks an operator.</exception>
    /// <exception cref="IOException">The archive can't be written.</exception>
    public static jit.ScriptModule Compile(string methods, string folder)
    {
        string path = Path.Combine(folder, $"resnet-{Guid.NewGuid():N}.pt");
        bool isMade = false;
        try
        {
            File.WriteAllBytes(path, Archive(methods));
            isMade = true;
            using var normalMode = inference_mode(false);
            return jit.load(path);
        }
        finally
        {
            // Where the folder is missing, deleting fails too.
            if (isMade)
            {
                File.Delete(path);
            }
        }
    }

    private static byte[] Archive(string methods)
    {
        const string head = """
            class M(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              _is_full_backward_hook : Optional[bool]

            """;

        // A pickle of an object of class __torch__.M with training = True and _is_full_backward_hook = None.
        byte[] state =
        [
            .. "\u0002c__torch__\nM\nq\0)"u8, 0x81, .. "}(X"u8, 8, 0, 0, 0, .. "trainingq\u0001"u8, 0x88, (byte)'X', 0x16, 0, 0, 0, .. "_is_full_backward_hookq\u0002Nubq\u0003."u8,
        ];
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("data.pkl", [0x80, .. state]);
            Add("code/__torch__.py", Encoding.UTF8.GetBytes((head + methods).ReplaceLineEndings("\n")));
            Add("constants.pkl", [0x80, 2, .. ")."u8]);
            Add("version", [.. "3\n"u8]);

            void Add(string name, byte[] content)
            {
                using Stream entry = zip.CreateEntry($"operators/{name}", CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }
}
