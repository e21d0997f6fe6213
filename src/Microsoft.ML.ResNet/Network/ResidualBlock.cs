using Microsoft.ML.ResNet.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Network;

/// <summary>Adds a branch of convolutions to its own input: relu(branch(x) + shortcut(x)).</summary>
/// <param name="branch">The branch's convolutions, with a ReLU between them.</param>
/// <param name="shortcut">The way around the branch, or null for the identity.</param>
internal sealed class ResidualBlock(IReadOnlyList<ConvolutionNorm> branch, IShortcut? shortcut)
{
    public Tensor Forward(Tensor input, bool training)
    {
        // In place wherever backward does not need what is overwritten: it wants the inputs of convolutions and normalisations and the
        // results of ReLUs. What is done with goes at once, so that scoring holds two activations and not the whole network's.
        Tensor output = branch[0].Forward(input, training);
        foreach (ConvolutionNorm convolution in branch.Skip(1))
        {
            using Tensor hidden = output.relu_();
            output = convolution.Forward(hidden, training);
        }

        if (shortcut is null)
        {
            output.AddInPlace(input);
        }
        else
        {
            using Tensor around = shortcut.Forward(input, training);
            output.AddInPlace(around);
        }

        return output.relu_();
    }
}
