/// Why a command cannot do what it was asked, where no other error says it.
package struct CommandError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong, and the remedy where there is one.
  package let description: String

  init(_ description: String) { self.description = description }
}
