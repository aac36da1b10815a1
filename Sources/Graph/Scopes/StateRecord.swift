import Synchronization

/// What a checkpointed body reads of the state around it while it runs for the first time: parameters, buffers and
/// random sources, each as it was when it was first read.
final class StateRecord: Sendable {
  struct Content {
    /// With the cells and sources themselves: the address of one that the body made and dropped would name another in
    /// the second run.
    var cells: [ObjectIdentifier: (cell: Cell, value: Tensor)] = [:]
    var sources: [ObjectIdentifier: (source: RandomSource, state: RandomKey)] = [:]
    var hasWalkedOutside = false
  }

  /// Everything that the body records is newer than this.
  let floor: UInt64
  /// The record of the checkpoint around this one: what is read here, is read there.
  private let enclosing: StateRecord?
  private let present = Mutex(Content())

  init(above floor: UInt64, within enclosing: StateRecord?) {
    self.floor = floor
    self.enclosing = enclosing
  }

  var content: Content { present.withLock { $0 } }

  func note(_ cell: Cell, _ value: Tensor) {
    present.withLock { content in
      let id = ObjectIdentifier(cell)
      if content.cells[id] == nil { content.cells[id] = (cell, value) }
    }
    enclosing?.note(cell, value)
  }

  func note(_ source: RandomSource, _ state: RandomKey) {
    present.withLock { content in
      let id = ObjectIdentifier(source)
      if content.sources[id] == nil { content.sources[id] = (source, state) }
    }
    enclosing?.note(source, state)
  }

  /// Notes a walk of the body's own whose oldest node is this.
  func noteWalk(downTo serial: UInt64) {
    if serial < floor { present.withLock { $0.hasWalkedOutside = true } }
    enclosing?.noteWalk(downTo: serial)
  }
}

/// The state around a body that must leave no trace: as a first run found it, where there was one, and else as it is.
/// What the body writes stays in here.
final class StateReplay: Sendable {
  private struct Content {
    var cells: [ObjectIdentifier: (cell: Cell, value: Tensor)]
    let sources: [ObjectIdentifier: (source: RandomSource, replayed: RandomSource)]
  }
  private let present: Mutex<Content>

  init() { present = Mutex(Content(cells: [:], sources: [:])) }

  init(_ record: StateRecord) {
    let content = record.content
    let sources = content.sources.mapValues { ($0.source, RandomSource(state: $0.state)) }
    present = Mutex(Content(cells: content.cells, sources: sources))
  }

  func value(of cell: Cell) -> Tensor? {
    present.withLock { $0.cells[ObjectIdentifier(cell)]?.value }
  }

  func write(_ value: Tensor, to cell: Cell) {
    present.withLock { $0.cells[ObjectIdentifier(cell)] = (cell, value) }
  }

  /// What stands for `source`; `nil` for one that the first run did not read.
  func source(for source: RandomSource) -> RandomSource? {
    present.withLock { $0.sources[ObjectIdentifier(source)]?.replayed }
  }
}
