/// A name from a file as a key: equal only to a name of the same bytes.
///
/// Swift's strings are equal where they look alike (`é` as one scalar or as two); names of files, of arrays and of
/// values in a graph are not.
package struct ExactName: Hashable, Comparable, Sendable {
  /// The name as a text.
  package let text: String

  package init(_ text: String) { self.text = text }

  package static func == (a: ExactName, b: ExactName) -> Bool {
    a.text.utf8.elementsEqual(b.text.utf8)
  }

  package func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }

  /// By the bytes.
  package static func < (a: ExactName, b: ExactName) -> Bool {
    a.text.utf8.lexicographicallyPrecedes(b.text.utf8)
  }
}

/// A dictionary whose keys are equal only where their bytes are.
package struct ExactNames<Value> {
  private var values: [ExactName: Value] = [:]

  package init() {}

  /// The values by these names; the last one wins where a name is repeated.
  package init(_ pairs: some Sequence<(String, Value)>) {
    for (name, value) in pairs { self[name] = value }
  }

  package subscript(name: String) -> Value? {
    get { values[ExactName(name)] }
    set { values[ExactName(name)] = newValue }
  }

  package subscript(name: String, default value: @autoclosure () -> Value) -> Value {
    get { values[ExactName(name), default: value()] }
    set { values[ExactName(name), default: value()] = newValue }
  }

  /// The number of names.
  package var count: Int { values.count }
  package var isEmpty: Bool { values.isEmpty }

  /// Sets the value, and gives back what was there.
  @discardableResult
  package mutating func update(_ name: String, _ value: Value) -> Value? {
    values.updateValue(value, forKey: ExactName(name))
  }

  /// Takes the value away and gives it back.
  @discardableResult
  package mutating func remove(_ name: String) -> Value? {
    values.removeValue(forKey: ExactName(name))
  }
}

extension ExactNames: Sendable where Value: Sendable {}

/// A set of names that are equal only where their bytes are.
package struct ExactNameSet: Sendable {
  private var names: Set<ExactName> = []

  package init() {}

  package init(_ names: some Sequence<String>) {
    for name in names { insert(name) }
  }

  package func contains(_ name: String) -> Bool { names.contains(ExactName(name)) }

  /// Adds `name`, or returns false when it is there.
  @discardableResult
  package mutating func insert(_ name: String) -> Bool {
    names.insert(ExactName(name)).inserted
  }

  /// The names in the order of their bytes.
  package var sorted: [String] { names.sorted().map(\.text) }
  package var count: Int { names.count }
}

extension String {
  /// Whether `other` has the same bytes.
  package func isExactly(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }

  /// What follows `prefix`, nil where the text does not begin with the bytes of it.
  package func afterExactPrefix(_ prefix: String) -> String? {
    utf8.starts(with: prefix.utf8) ? String(utf8.dropFirst(prefix.utf8.count)) : nil
  }
}
