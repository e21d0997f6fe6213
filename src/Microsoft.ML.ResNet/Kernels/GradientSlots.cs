namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Memory for the gradients of activations, of which few live at a time. It is kept from step to step.</summary>
internal sealed class GradientSlots : IDisposable
{
    private readonly List<GrowingBuffer> _slots = [];
    private readonly List<GrowingBuffer> _free = [];
    private readonly Dictionary<nint, GrowingBuffer> _taken = [];

    /// <summary>Memory of a shape: the smallest that is large enough, or the largest, which grows.</summary>
    public Activations Take(Activations shape)
    {
        GrowingBuffer? slot = _free.Where(slot => slot.Length >= shape.Length).MinBy(slot => slot.Length) ?? _free.MaxBy(slot => slot.Length);
        if (slot is null)
        {
            slot = new GrowingBuffer();
            _slots.Add(slot);
        }

        _free.Remove(slot);
        nint data = slot.For(shape.Length);
        _taken.Add(data, slot);
        return shape with { Data = data };
    }

    public void Return(Activations gradient)
    {
        _taken.Remove(gradient.Data, out GrowingBuffer? slot);
        _free.Add(slot!);
    }

    public void ReturnAll()
    {
        _taken.Clear();
        _free.Clear();
        _free.AddRange(_slots);
    }

    public void Dispose()
    {
        foreach (GrowingBuffer slot in _slots)
        {
            slot.Dispose();
        }
    }
}
