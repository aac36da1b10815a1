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

  private struct Content {
    var value: Tensor
    var isFrozen = false
  }

  private let present: Mutex<Content>
  let label: Label
  /// The leaf of the graph that values of a parameter belong to; a buffer has none.
  let leaf: Node?

  /// In a dry run a value may be a placeholder: a net made there has shapes and no memory.
  init(_ value: Tensor, label: Label, leaf: Node?) {
    self.label = label
    self.leaf = leaf
    let memory = isDryRun ? value.memory : value.storageOrTrap()
    present = Mutex(Content(value: Tensor(value.spec, memory: memory, producer: leaf)))
  }

  var value: Tensor { present.withLock { $0.value } }

  /// Whether the value is a constant to the graph: without a leaf, nothing is recorded on its account.
  var isFrozen: Bool {
    get { present.withLock { $0.isFrozen } }
    set {
      present.withLock { content in
        guard content.isFrozen != newValue else { return }
        content.isFrozen = newValue
        let value = content.value
        content.value = Tensor(
          value.declaredSpec, memory: value.memory, producer: newValue ? nil : leaf)
      }
    }
  }

  func replace(by value: Tensor) {
    let (spec, memory) = (value.declaredSpec, value.storageOrTrap())
    present.withLock { content in
      content.value = Tensor(spec, memory: memory, producer: content.isFrozen ? nil : leaf)
    }
  }

  /// Lets `body` change the elements: in place when nothing else holds the memory, as after a backward pass
  /// that released its graph; otherwise in a copy, so graphs keep the values they were computed from.
  func update(_ body: (UnsafeMutableRawPointer) -> Void) {
    present.withLock { content in
      if isKnownUniquelyReferenced(&content.value),
        isKnownUniquelyReferenced(&content.value.memory)
      {
        body(content.value.memory!.pointer)
        return
      }
      let old = content.value.memory!
      let copy = Storage.make(byteCount: old.byteCount)
      copy.pointer.copyMemory(from: old.pointer, byteCount: old.byteCount)
      body(copy.pointer)
      content.value = Tensor(
        content.value.declaredSpec, memory: copy, producer: content.isFrozen ? nil : leaf)
    }
  }
}
