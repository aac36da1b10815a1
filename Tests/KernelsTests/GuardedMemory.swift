import CTapestryKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Numbers for tests, the same in every run.
struct TestNumbers {
  var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func int(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(next() % UInt64(range.count))
  }

  mutating func chance(_ oneIn: Int) -> Bool { int(1...oneIn) == 1 }

  /// In -0.5 ..< 0.5 and exact in both element types.
  mutating func value() -> Double { Double(next() >> 40) / Double(1 << 24) - 0.5 }

  mutating func values(_ count: Int) -> [Double] { (0..<count).map { _ in value() } }
}

/// Elements of one type twice: once they end where an unreadable page begins, once they begin where one ends. A kernel that
/// reads or writes beyond them ends the process; what lies on the other side are guard values.
final class GuardedMemory {
  enum Side { case beginning, end }
  /// Which of the two copies `pointer` means. Tests of kernels run one after the other.
  nonisolated(unsafe) static var side = Side.end
  private static let margin = 64
  private static let page = Int(sysconf(Int32(_SC_PAGESIZE)))

  let dtype: Int32
  let count: Int
  private let mapping: UnsafeMutableRawPointer
  private let readable: Int  // bytes of a copy's pages
  var size: Int { dtype == Int32(TAPESTRY_FLOAT64) ? 8 : 4 }
  private var bytes: Int { count * size }
  private var first: UnsafeMutableRawPointer { mapping + Self.page }
  private var last: UnsafeMutableRawPointer { mapping + 2 * Self.page + 2 * readable - bytes }
  /// Where the elements lie; those of the other copy move here when the side has changed.
  var pointer: UnsafeMutableRawPointer {
    let from = start
    written = Self.side
    if from != start { start.copyMemory(from: from, byteCount: bytes) }
    return start
  }
  private var written = Side.end
  private var start: UnsafeMutableRawPointer { written == .end ? last : first }

  init(_ dtype: Int32, _ values: [Double]) {
    self.dtype = dtype
    count = values.count
    let bytes = values.count * (dtype == Int32(TAPESTRY_FLOAT64) ? 8 : 4)
    let page = Self.page
    readable = (bytes + Self.margin + page - 1) / page * page
    // Unreadable, a copy, unreadable, the other copy, unreadable.
    mapping = mmap(
      nil, 3 * page + 2 * readable, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0)!
    precondition(mapping != MAP_FAILED)
    for start in [mapping + page, mapping + 2 * page + readable] {
      precondition(mprotect(start, readable, PROT_READ | PROT_WRITE) == 0)
    }
    for (side, guardValues) in [
      (Side.beginning, first + bytes), (Side.end, last - Self.margin),
    ] {
      guardValues.initializeMemory(as: UInt8.self, repeating: 0xA5, count: Self.margin)
      for (index, value) in values.enumerated() { store(value, index, side) }
    }
  }

  deinit { munmap(mapping, 3 * Self.page + 2 * readable) }

  private func store(_ value: Double, _ index: Int, _ side: Side) {
    let start = side == .end ? last : first
    if size == 8 {
      start.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
    } else {
      start.storeBytes(of: Float(value), toByteOffset: index * 4, as: Float.self)
    }
  }

  subscript(index: Int) -> Double {
    get {
      size == 8
        ? start.loadUnaligned(fromByteOffset: index * 8, as: Double.self)
        : Double(start.loadUnaligned(fromByteOffset: index * 4, as: Float.self))
    }
    set { for side in [Side.beginning, .end] { store(newValue, index, side) } }
  }

  var contents: [UInt8] { [UInt8](UnsafeRawBufferPointer(start: start, count: bytes)) }

  var guardsAreIntact: Bool {
    [first + bytes, last - Self.margin].allSatisfy { start in
      UnsafeMutableRawBufferPointer(start: start, count: Self.margin).allSatisfy { $0 == 0xA5 }
    }
  }

  /// The largest difference from `expected`, over its largest magnitude (at least `floor`); NaN counts as infinite.
  func error(against expected: [Double], floor: Double) -> Double {
    var worst = 0.0
    var largest = floor
    for index in 0..<count {
      let difference = abs(self[index] - expected[index])
      worst = difference <= worst ? worst : difference.isNaN ? .infinity : difference
      largest = max(largest, abs(expected[index]))
    }
    return worst / largest
  }
}

enum KernelRuns {
  static let dtypes = [Int32(TAPESTRY_FLOAT32), Int32(TAPESTRY_FLOAT64)]

  /// Runs `body` once for every variant that runs here and for 1, 2 and 3 threads, operands lying against either unreadable page;
  /// puts all back afterwards.
  static func forEach(_ body: (_ variant: String, _ threads: Int) -> Void) {
    let variantBefore = String(cString: tapestry_cpu_current())
    let threadsBefore = tapestry_thread_count()
    defer {
      _ = tapestry_cpu_select(variantBefore)
      tapestry_set_thread_count(threadsBefore)
      GuardedMemory.side = .end
    }
    for index in 0..<tapestry_cpu_variant_count() {
      let name = String(cString: tapestry_cpu_variant_name(index))
      guard tapestry_cpu_select(name) else {
        Issue.record("variant \(name) is listed but cannot be selected")
        continue
      }
      for threads in 1...3 {
        tapestry_set_thread_count(Int32(threads))
        GuardedMemory.side = threads == 2 ? .beginning : .end
        body(name, threads)
      }
    }
  }

  /// Checks what `compute` writes: every element against `expected` on one thread, the same bits on more, and intact guards.
  static func check(
    _ dtype: Int32, start: [Double], expected: [Double], tolerance: (Double, Double),
    floor: Double = 1, _ label: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ compute: (UnsafeMutableRawPointer) -> Void
  ) {
    var bits: [UInt8] = []
    let bound = dtype == dtypes[0] ? tolerance.0 : tolerance.1
    forEach { variant, threads in
      let memory = GuardedMemory(dtype, start)
      compute(memory.pointer)
      #expect(
        memory.guardsAreIntact, "\(label), \(variant), \(threads) threads: wrote outside",
        sourceLocation: sourceLocation)
      if threads == 1 {
        bits = memory.contents
        let error = memory.error(against: expected, floor: floor)
        #expect(error <= bound, "\(label), \(variant)", sourceLocation: sourceLocation)
      } else {
        #expect(
          memory.contents == bits, "\(label), \(variant): \(threads) threads give other bits",
          sourceLocation: sourceLocation)
      }
    }
  }
}
