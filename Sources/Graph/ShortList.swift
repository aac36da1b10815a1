/// A list whose first three elements are stored inline: nearly every op has at most three operands, and
/// an array per op would cost more than all the rest of recording it.
struct ShortList<Element> {
  private(set) var count = 0
  private var first: Element?
  private var second: Element?
  private var third: Element?
  private var rest: [Element]?

  @inline(__always) init() {}

  @inline(__always) init(_ first: Element) {
    self.first = first
    count = 1
  }

  @inline(__always) init(_ first: Element, _ second: Element) {
    self.first = first
    self.second = second
    count = 2
  }

  @inline(__always) init(_ first: Element, _ second: Element, _ third: Element) {
    self.first = first
    self.second = second
    self.third = third
    count = 3
  }

  init(_ elements: some Sequence<Element>) {
    for element in elements { append(element) }
  }

  /// `count` copies of `element`.
  @inline(__always) init(repeating element: Element, count: Int) {
    for _ in 0..<count { append(element) }
  }

  @inline(__always) mutating func append(_ element: Element) {
    switch count {
    case 0: first = element
    case 1: second = element
    case 2: third = element
    default: rest = (rest ?? []) + [element]
    }
    count += 1
  }

  subscript(index: Int) -> Element {
    @inline(__always) _read {
      switch index {
      case 0: yield first!
      case 1: yield second!
      case 2: yield third!
      default: yield rest![index - 3]
      }
    }
    @inline(__always) _modify {
      switch index {
      case 0: yield &first!
      case 1: yield &second!
      case 2: yield &third!
      default: yield &rest![index - 3]
      }
    }
  }
}

extension ShortList: Sendable where Element: Sendable {}
