namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Work in independent items, done by several threads at once.</summary>
internal interface IParallelWork
{
    /// <param name="item">Which of the items.</param>
    /// <param name="worker">Which of the threads it is: what only one thread may use at a time is chosen by it.</param>
    void Do(int item, int worker);
}
