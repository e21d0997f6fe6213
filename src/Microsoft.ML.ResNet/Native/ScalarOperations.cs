using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Native;

#pragma warning disable RS0030 // This is the place that BannedSymbols.txt speaks of.

/// <summary>
/// The operators of TorchSharp that take numbers, each with its numbers held until libtorch has returned: the one place that may call them.
/// TorchSharp makes a <see cref="Scalar"/> of every number, also of the factor 1 of a sum that names none, and holds it no longer than it takes
/// to read its address. A finaliser may then free it while libtorch reads it, which ends a training or adds another number than was meant.
/// All of these operators are listed in BannedSymbols.txt; a test regenerates that list from the TorchSharp that is referenced.
/// </summary>
internal static class ScalarOperations
{
    /// <summary>[*shape], every value the same, in the caller's dispose scope.</summary>
    public static Tensor Filled(long[] shape, double value)
    {
        using Scalar scalar = value;
        return full(shape, scalar, dtype: ScalarType.Float32, device: CPU);
    }

    /// <summary>Sets every value of a tensor of integers.</summary>
    public static void FillInPlace(this Tensor target, long value)
    {
        using Scalar scalar = value;
        target.fill_(scalar);
    }

    /// <summary>Adds 1 to a counter, a tensor of integers.</summary>
    public static void Increment(this Tensor counter)
    {
        using Scalar one = 1L, factor = 1L;
        counter.add_(one, factor);
    }

    /// <summary>target + summand, of floating-point numbers, in the caller's dispose scope.</summary>
    public static Tensor Plus(this Tensor target, Tensor summand)
    {
        using Scalar factor = 1.0;
        return target.add(summand, factor);
    }

    /// <summary>target += factor * summand, of floating-point numbers.</summary>
    /// <returns>The target.</returns>
    public static Tensor AddInPlace(this Tensor target, Tensor summand, double factor = 1)
    {
        using Scalar scalar = factor;
        return target.add_(summand, scalar);
    }

    /// <summary>target += summand, of floating-point numbers.</summary>
    /// <returns>The target.</returns>
    public static Tensor AddInPlace(this Tensor target, double summand)
    {
        using Scalar scalar = summand, factor = 1.0;
        return target.add_(scalar, factor);
    }

    /// <summary>target *= factor.</summary>
    /// <returns>The target.</returns>
    public static Tensor MultiplyInPlace(this Tensor target, double factor)
    {
        using Scalar scalar = factor;
        return target.mul_(scalar);
    }

    /// <summary>target /= divisor.</summary>
    /// <returns>The target.</returns>
    public static Tensor DivideInPlace(this Tensor target, double divisor)
    {
        using Scalar scalar = divisor;
        return target.div_(scalar);
    }

    /// <summary>target += factor * first * second.</summary>
    public static void AddProductInPlace(this Tensor target, Tensor first, Tensor second, double factor)
    {
        using Scalar scalar = factor;
        target.addcmul_(first, second, scalar);
    }

    /// <summary>target += factor * dividend / divisor.</summary>
    public static void AddQuotientInPlace(this Tensor target, Tensor dividend, Tensor divisor, double factor)
    {
        using Scalar scalar = factor;
        target.addcdiv_(dividend, divisor, scalar);
    }

    /// <summary>Calls a method of TorchScript.</summary>
    /// <param name="arguments">Tensors, lists of tensors and <see cref="int"/>: TorchSharp makes a scalar of any other number.</param>
    /// <returns>The tensor that the method gives, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">An argument is of another type.</exception>
    public static Tensor Invoke(this jit.ScriptModule module, string method, params object[] arguments)
    {
        foreach (object argument in arguments)
        {
            if (argument is not (Tensor or Tensor[] or int))
            {
                throw new ArgumentException($"An argument of '{method}' is {argument?.GetType().Name ?? "null"}, expected Tensor, Tensor[] or int.", nameof(arguments));
            }
        }

        var result = (Tensor)module.invoke(method, arguments);
        GC.KeepAlive(arguments);
        return result;
    }
}
