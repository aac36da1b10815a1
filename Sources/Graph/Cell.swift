import Synchronization

/// What a parameter or a buffer holds: the present value, behind a lock.
final class Cell: Sendable {
  /// The name that messages give it, shared with the leaf in the graph.
  final class Label: Sendable {
    private let text = Mutex<String?>(nil)
    var name: String? {
      get { text.withLock { $0 } }
      set { text.withLock { $0 = newValue } }
    }
  }

  private let present: Mutex<Tensor>
  let label: Label
  /// The leaf of the graph that values of a parameter belong to; a buffer has none.
  let leaf: Node?

  /// In a dry run a value may be a placeholder: a net made there has shapes and no memory.
  init(_ value: Tensor, label: Label, leaf: Node?) {
    self.label = label
    self.leaf = leaf
    let memory = isDryRun ? value.memory : value.storageOrTrap()
    present = Mutex(Tensor(value.spec, memory: memory, producer: leaf))
  }

  var value: Tensor { present.withLock { $0 } }

  func replace(by value: Tensor) {
    let next = Tensor(value.declaredSpec, memory: value.storageOrTrap(), producer: leaf)
    present.withLock { $0 = next }
  }

  /// Lets `body` change the elements: in place when nothing else holds the memory, as after a backward pass
  /// that released its graph; otherwise in a copy, so graphs keep the values they were computed from.
  func update(_ body: (UnsafeMutableRawPointer) -> Void) {
    present.withLock { value in
      if isKnownUniquelyReferenced(&value), isKnownUniquelyReferenced(&value.memory) {
        body(value.memory!.pointer)
        return
      }
      let old = value.memory!
      let copy = Storage.make(byteCount: old.byteCount)
      copy.pointer.copyMemory(from: old.pointer, byteCount: old.byteCount)
      body(copy.pointer)
      value = Tensor(value.declaredSpec, memory: copy, producer: leaf)
    }
  }
}
