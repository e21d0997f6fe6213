namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Work that is written for any number of lanes and done with those of <see cref="KernelWidth"/>.</summary>
internal abstract class LaneWork : IParallelWork
{
    public void Do(int item, int worker)
    {
        switch (KernelWidth.Lanes)
        {
            case 16:
                Do<Lanes16>(item, worker);
                break;
            case 8:
                Do<Lanes8>(item, worker);
                break;
            default:
                Do<Lanes4>(item, worker);
                break;
        }
    }

    protected abstract void Do<T>(int item, int worker)
        where T : unmanaged, ILanes<T>;
}
