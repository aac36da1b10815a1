#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// How much a file, or an option, may ask for.
///
/// What is asked for is worked out from the numbers that ask for it, before anything of that size is allocated or
/// computed, and refused with a ``ResourceError`` that tells both figures. The limits are those of
/// ``withResourceLimits(_:_:)``, else of the environment (`TAPESTRY_MEMORY_LIMIT=16G`), else the default.
public struct ResourceLimits: Hashable, Sendable {
  /// Bytes of memory that one thing may take: the images of a set, a batch, the parameters of a net, all that a
  /// net from a file holds at once. Default 4 GiB; `TAPESTRY_MEMORY_LIMIT`.
  public var memory: Int
  /// Operations that one call of a net from a file may take, see ``ResourceError/Resource/arithmetic``. Default 10^12,
  /// ten seconds or so on two cores; `TAPESTRY_ARITHMETIC_LIMIT`.
  public var arithmetic: Int
  /// Bytes that a byte of compressed data may inflate to; the first ``freeInflation`` bytes do not count. Default 256;
  /// `TAPESTRY_INFLATION_LIMIT`.
  public var inflation: Int

  /// So much may come of any compressed data, however small it is: 16 MiB.
  public static let freeInflation = 1 << 24

  /// - Precondition: none; a limit of 0 refuses everything.
  public init(
    memory: Int = 4 << 30, arithmetic: Int = 1_000_000_000_000, inflation: Int = 256
  ) {
    self.memory = memory
    self.arithmetic = arithmetic
    self.inflation = inflation
  }

  @TaskLocal private static var scoped: ResourceLimits?

  /// The limits in force here.
  public static var current: ResourceLimits { scoped ?? environment }

  /// The limits of this process.
  private static let environment = ResourceLimits { name in
    getenv(name).map { String(cString: $0) }
  }

  /// The defaults, but for what `variable` says; what is no number there is passed over.
  package init(_ variable: (String) -> String?) {
    self.init()
    func read(_ resource: ResourceError.Resource, _ target: inout Int) {
      if let value = variable(resource.variable).flatMap(Self.number) { target = value }
    }
    read(.memory, &memory)
    read(.arithmetic, &arithmetic)
    read(.inflation, &inflation)
  }

  /// A number with `K`, `M`, `G` or `T` behind it, powers of 1024; nil for anything else, and beyond 2^62.
  package static func number(_ text: String) -> Int? {
    let shifts: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
    let shift = text.uppercased().last.flatMap { shifts[$0] }
    guard let value = Int(shift == nil ? text : String(text.dropLast())), value >= 0,
      value <= 1 << (62 - (shift ?? 0))
    else { return nil }
    return value << (shift ?? 0)
  }

  /// Runs `body` with these limits.
  static func with<Result, Failure: Error>(
    _ limits: ResourceLimits, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var result: Swift.Result<Result, Failure>?
    $scoped.withValue(limits) {
      do throws(Failure) {
        result = .success(try body())
      } catch {
        result = .failure(error)
      }
    }
    // The body has run.
    return try result!.get()
  }

  /// Checks that `subject` may take so many bytes of memory.
  ///
  /// - Parameter needed: nil for more than there are numbers for.
  package func requireMemory(
    _ needed: Int?, for subject: @autoclosure () -> String
  ) throws(ResourceError) {
    try require(needed, .memory, memory, subject)
  }

  /// Checks that `subject` may take so many operations.
  package func requireArithmetic(
    _ needed: Int?, for subject: @autoclosure () -> String
  ) throws(ResourceError) {
    try require(needed, .arithmetic, arithmetic, subject)
  }

  private func require(
    _ needed: Int?, _ resource: ResourceError.Resource, _ limit: Int, _ subject: () -> String
  ) throws(ResourceError) {
    if let needed, needed <= limit { return }
    throw ResourceError(subject: subject(), resource: resource, needed: needed, limit: limit)
  }

  /// How many bytes may come of so many compressed ones.
  package func inflatedByteCount(of compressed: Int) -> Int {
    max(Self.freeInflation, checkedProduct(compressed, inflation) ?? .max)
  }
}

/// Runs `body` with these limits on what files and options may ask for.
///
/// ```swift
/// let net = try withResourceLimits(ResourceLimits(memory: 64 << 30)) {
///   try ONNXModel(contentsOf: "large.onnx")
/// }
/// ```
public func withResourceLimits<Result, Failure: Error>(
  _ limits: ResourceLimits, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  try ResourceLimits.with(limits, body)
}
