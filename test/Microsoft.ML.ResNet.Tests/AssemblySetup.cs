// Live-tensor counts and torch's thread settings are process-wide: tests run one after another.
[assembly: DoNotParallelize]
