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

  /// The value that the scope sees: a checkpointed body that runs again finds that of its first run.
  func value(in extras: Scope.Extras?) -> Tensor {
    let value = extras?.replay?.value(of: self) ?? self.value
    extras?.record?.note(self, value)
    return value
  }

  func replace(by value: Tensor) {
    let (spec, memory) = (value.declaredSpec, value.storageOrTrap())
    let replay = Scope.current.extras?.replay
    present.withLock { content in
      let value = Tensor(spec, memory: memory, producer: content.isFrozen ? nil : leaf)
      if let replay { replay.write(value, to: self) } else { content.value = value }
    }
  }

  /// Lets `body` change the elements: in place when nothing else holds the memory, as after a backward pass
  /// that released its graph; otherwise in a copy, so graphs keep the values they were computed from.
  func update(_ body: (UnsafeMutableRawPointer) -> Void) {
    let extras = Scope.current.extras
    if let replay = extras?.replay {
      let old = value(in: extras)
      let copy = Self.copy(old.storageOrTrap())
      body(copy.pointer)
      return replay.write(
        Tensor(old.declaredSpec, memory: copy, producer: old.producer), to: self)
    }
    extras?.record?.note(self, value)
    present.withLock { content in
      if isKnownUniquelyReferenced(&content.value),
        isKnownUniquelyReferenced(&content.value.memory)
      {
        body(content.value.memory!.pointer)
        return
      }
      let copy = Self.copy(content.value.memory!)
      body(copy.pointer)
      content.value = Tensor(
        content.value.declaredSpec, memory: copy, producer: content.isFrozen ? nil : leaf)
    }
  }

  private static func copy(_ storage: Storage) -> Storage {
    let copy = Storage.make(byteCount: storage.byteCount)
    copy.pointer.copyMemory(from: storage.pointer, byteCount: storage.byteCount)
    return copy
  }
}
