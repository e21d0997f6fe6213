using System.Reflection;
using System.Runtime.ExceptionServices;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>Keeps the values of a column that passes through for the rows of a batch, since the input's cursor is further on when they are asked for.</summary>
internal abstract class PassedColumn
{
    /// <summary>Whether values can be kept: not objects such as <see cref="MLImage"/>, whose owner is unknown.</summary>
    public static bool CanKeep(DataViewSchema.Column column)
        => column.Type.RawType is { IsValueType: true } type && (!IsVector(type) || type.GetGenericArguments()[0].IsValueType);

    /// <param name="capacity">The rows of both batches.</param>
    public static PassedColumn Create(DataViewRow row, DataViewSchema.Column column, int capacity)
    {
        Type type = column.Type.RawType;
        Type kept = IsVector(type) ? typeof(OfVectors<>).MakeGenericType(type.GetGenericArguments()[0]) : typeof(OfValues<>).MakeGenericType(type);
        return (PassedColumn)Activator.CreateInstance(kept, BindingFlags.Instance | BindingFlags.Public | BindingFlags.DoNotWrapExceptions, null, [row, column, capacity], null)!;
    }

    /// <summary>Reads the value of the input's current row.</summary>
    public abstract void Keep(int place);

    /// <summary>The getter of the kept value, a <see cref="ValueGetter{TValue}"/> of the column's type.</summary>
    /// <param name="locate">The place of the current row.</param>
    public abstract Delegate CreateGetter(Func<int> locate);

    private static bool IsVector(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(VBuffer<>);

    private abstract class Kept<T>(DataViewRow row, DataViewSchema.Column column, int capacity) : PassedColumn
    {
        private readonly ValueGetter<T> _getter = row.GetGetter<T>(column);
        private readonly T[] _values = new T[capacity];
        private readonly Exception?[] _faults = new Exception?[capacity];

        public override void Keep(int place)
        {
            try
            {
                _getter(ref _values[place]);
                _faults[place] = null;
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                _faults[place] = exception; // This value may never be asked for.
            }
        }

        public override Delegate CreateGetter(Func<int> locate) => (ValueGetter<T>)((ref T value) =>
        {
            int place = locate();
            if (_faults[place] is { } fault)
            {
                ExceptionDispatchInfo.Throw(fault);
            }

            Copy(in _values[place], ref value);
        });

        protected abstract void Copy(in T kept, ref T value);
    }

    private sealed class OfValues<T>(DataViewRow row, DataViewSchema.Column column, int capacity) : Kept<T>(row, column, capacity)
    {
        protected override void Copy(in T kept, ref T value) => value = kept;
    }

    private sealed class OfVectors<T>(DataViewRow row, DataViewSchema.Column column, int capacity) : Kept<VBuffer<T>>(row, column, capacity)
    {
        protected override void Copy(in VBuffer<T> kept, ref VBuffer<T> value) => kept.CopyTo(ref value);
    }
}
