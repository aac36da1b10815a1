/// The members of a JSON object, in the order of the text.
///
/// Keys are compared by their bytes: two spellings of one character (`é` as one scalar or as two) are two keys.
package struct JSONObject: Equatable, Sendable {
  /// A key and its value.
  package struct Member: Equatable, Sendable {
    package let key: String
    package var value: JSONValue
  }

  /// The members in order; no key occurs twice.
  package private(set) var members: [Member] = []
  /// The place of each key; empty while the object is so small that a search is as fast.
  private var places = ExactNames<Int>()

  private static let smallCount = 12

  /// An object without members.
  package init() {}

  /// The keys in order.
  package var keys: [String] {
    members.map(\.key)
  }

  /// The number of members.
  package var count: Int {
    members.count
  }

  /// The value for `key`; a new key is added at the end, and setting nil removes the member.
  package subscript(key: String) -> JSONValue? {
    get {
      place(of: key).map { members[$0].value }
    }
    set {
      switch (place(of: key), newValue) {
      case (let place?, let value?):
        members[place].value = value
      case (let place?, nil):
        members.remove(at: place)
        indexMembers()
      case (nil, let value?):
        _ = append(key, value)
      case (nil, nil):
        break
      }
    }
  }

  /// Adds a member at the end, or returns false when there is one with that key.
  mutating func append(_ key: String, _ value: JSONValue) -> Bool {
    guard place(of: key) == nil else { return false }
    members.append(Member(key: key, value: value))
    if members.count == Self.smallCount + 1 {
      indexMembers()
    } else if members.count > Self.smallCount {
      places[key] = members.count - 1
    }
    return true
  }

  private func place(of key: String) -> Int? {
    if members.count > Self.smallCount { return places[key] }
    return members.firstIndex { $0.key.isExactly(key) }
  }

  private mutating func indexMembers() {
    places = ExactNames()
    guard members.count > Self.smallCount else { return }
    for (place, member) in members.enumerated() { places[member.key] = place }
  }

  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members == right.members
  }
}
