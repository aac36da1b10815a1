/// A dense, row-major array of numbers whose value never changes, and a place in the recorded graph.
///
/// Images are `[N, C, H, W]`, filters `[out, in / groups, kH, kW]`, linear weights `[out, in]`.
/// A tensor that was computed from tracked ones while recording knows the node that produced it;
/// that is all a backward pass needs.
///
/// Sendable, because the value is written once, before the tensor is handed out, and `producer` is
/// changed only by whoever holds the one reference (`apply` on its fresh output, the freeing of a graph).
public class Tensor: @unchecked Sendable {
  let declaredSpec: TensorSpec
  /// `nil` for a placeholder of a dry run, and for a cell (a parameter or buffer).
  @exclusivity(unchecked) final var memory: Storage?
  /// Where the elements lie, for as long as this tensor lives: found without counting a reference to `memory`.
  private final let address: UnsafeMutableRawPointer?
  /// The node that made this tensor, or the leaf it is; `nil` when untracked.
  @exclusivity(unchecked) final var producer: Node?
  /// Which of the producer's results this is.
  final let outputIndex: Int
  /// What holds the value of a parameter or buffer.
  final let cell: Cell?
  /// In a dry run: the result of an op whose shape rule failed, of unknown shape.
  package final let isUnknown: Bool

  init(
    _ spec: TensorSpec, memory: Storage?, producer: Node? = nil, outputIndex: Int = 0,
    cell: Cell? = nil, isUnknown: Bool = false
  ) {
    declaredSpec = spec
    self.memory = memory
    address = memory?.pointer
    self.producer = producer
    self.outputIndex = outputIndex
    self.cell = cell
    self.isUnknown = isUnknown
  }

  /// The tensor that ops compute with: a cell's present value, or what `substituting` put in its place.
  @inline(__always) package final var resolved: Tensor {
    cell == nil ? self : resolve(Scope.current)
  }

  final func resolve(_ scope: Scope) -> Tensor {
    guard let cell else { return self }
    guard let extras = scope.extras else { return cell.value }
    return extras.substitutions[ObjectIdentifier(cell)] ?? cell.value(in: extras)
  }

  /// Shape and element type.
  public final var spec: TensorSpec {
    guard let cell, let extras = Scope.current.extras else { return declaredSpec }
    return extras.substitutions[ObjectIdentifier(cell)]?.declaredSpec ?? declaredSpec
  }

  /// The sizes of the axes.
  public final var shape: TensorShape { declaredSpec.shape }

  /// The type of the elements. A parameter under `substituting(_:_:)` has its substitute's.
  public final var dtype: DType { spec.dtype }

  /// The number of axes.
  public final var rank: Int { declaredSpec.shape.rank }

  /// The number of elements.
  public final var count: Int { declaredSpec.shape.elementCount }

  /// Whether gradients flow through this tensor: it is a parameter, was made by `tracked()`, or was
  /// computed from such a tensor while recording.
  public final var isTracked: Bool { resolved.producer != nil }

  /// Whether this is a stand-in without values, made by ``shape(_:dtype:)`` or computed in a dry run.
  public final var isPlaceholder: Bool { resolved.memory == nil }

  /// The same value as a new leaf of the graph: gradients can be asked for it.
  ///
  /// - Precondition: a floating-point type.
  public final func tracked(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    let value = resolved
    guard value.dtype.isFloatingPoint else {
      trap(
        "tracked: \(value.spec) has no gradient; only float32 and float64 do", file: file,
        line: line)
    }
    let leaf = Node(leafOf: value.declaredSpec, label: nil, site: CallSite(file: file, line: line))
    return Tensor(value.declaredSpec, memory: value.memory, producer: leaf)
  }

  /// The same value outside the graph: no gradient flows back through it.
  public final func detached() -> Tensor {
    let value = resolved
    return value.producer == nil && cell == nil
      ? self : Tensor(value.declaredSpec, memory: value.memory, isUnknown: value.isUnknown)
  }

  /// A tensor on the same memory with another shape of as many elements; for reshaping ops.
  package final func sharing(_ shape: TensorShape) -> Tensor {
    let value = resolved
    assert(shape.elementCount == value.count)
    return Tensor(TensorSpec(shape, value.dtype), memory: value.memory)
  }
}

// MARK: - Memory, for ops and files

extension Tensor {
  /// A new tensor whose memory `fill` writes, all of it.
  package convenience init(_ spec: TensorSpec, filling fill: (UnsafeMutableRawPointer) -> Void) {
    let storage = Storage.make(byteCount: spec.byteCount)
    fill(storage.pointer)
    self.init(spec, memory: storage)
  }

  package convenience init(
    _ shape: TensorShape, _ dtype: DType, filling fill: (UnsafeMutableRawPointer) -> Void
  ) {
    self.init(TensorSpec(shape, dtype), filling: fill)
  }

  /// Runs `body` with the address of the dense elements.
  package final func withMemory(_ body: (UnsafeRawPointer) -> Void) {
    guard let address else { return withResolvedMemory(body) }
    withExtendedLifetime(self) { body(UnsafeRawPointer(address)) }
  }

  /// Runs `body` with the address of the elements, to write over them. Only for a tensor whose memory nobody else
  /// holds, as ``Differential/reusableCotangent()`` says.
  package final func overwrite(_ body: (UnsafeMutableRawPointer) -> Void) {
    withExtendedLifetime(self) { body(address!) }
  }

  private final func withResolvedMemory(_ body: (UnsafeRawPointer) -> Void) {
    let storage = resolved.storageOrTrap()
    withExtendedLifetime(storage) { body(UnsafeRawPointer(storage.pointer)) }
  }

  /// Runs `body` with the address of the dense elements, for its result. ``withMemory(_:)`` is the cheaper one in
  /// hot places: no generic call across modules.
  package final func readingMemory<Result>(_ body: (UnsafeRawPointer) -> Result) -> Result {
    let storage = resolved.storageOrTrap()
    return withExtendedLifetime(storage) { body(UnsafeRawPointer(storage.pointer)) }
  }

  final func storageOrTrap() -> Storage {
    guard let memory else {
      trapAtCaller("a placeholder of a dry run has a shape, \(declaredSpec), but no values to read")
    }
    return memory
  }
}

/// Runs `body` with the addresses of the elements of two tensors.
package func withMemory(
  _ a: Tensor, _ b: Tensor, _ body: (UnsafeRawPointer, UnsafeRawPointer) -> Void
) {
  a.withMemory { a in b.withMemory { b in body(a, b) } }
}

/// Runs `body` with the addresses of the elements of three tensors.
package func withMemory(
  _ a: Tensor, _ b: Tensor, _ c: Tensor,
  _ body: (UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer) -> Void
) {
  a.withMemory { a in b.withMemory { b in c.withMemory { c in body(a, b, c) } } }
}
