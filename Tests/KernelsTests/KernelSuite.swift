import Testing

/// All tests that choose a kernel variant or a number of threads, which are process-wide: they run one after the other.
@Suite(.serialized) struct KernelSuite {}
