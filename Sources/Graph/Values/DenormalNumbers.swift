import CTapestryKernels

/// What kernels do with denormal numbers: float32 below 1.2e-38, float64 below 2.2e-308.
public enum DenormalNumbers {
  /// Whether kernels take denormal operands and results as zero; false at first, unless the environment variable
  /// `TAPESTRY_FLUSH_DENORMALS` is 1.
  ///
  /// Many processors take a hundred times as long over a denormal number as over another: a convolution whose weights have all
  /// shrunk so far is 400 times slower. Setting this gives the speed back; results change by no more than such numbers. It
  /// counts for all kernels of the process that run in tasks, those of the gradients included, and must not be changed while
  /// another thread computes. Optimizer steps always take denormal numbers as zero.
  public static var areFlushed: Bool {
    get { tapestry_flushes_denormals() }
    set { tapestry_flush_denormals(newValue) }
  }
}
