import Synchronization

/// Runs `body` without computing anything: ops run their shape rules only and answer with placeholders.
///
/// ```swift
/// let logits = try dryRun { net(.shape([1, 3, 32, 32])) }
/// print(logits.shape)
/// ```
///
/// Layers that are made in it have parameters without values: the sizes of a net are known before memory is taken
/// for it.
///
/// - Returns: what `body` returns; tensors in it are placeholders.
/// - Throws: the first ``Misuse``, or what `body` throws. A body that reads values (`item`) traps.
public func dryRun<Result>(_ body: () throws -> Result) throws -> Result {
  let state = DryRunState()
  var scope = Scope.current.with { $0.dryRun = state }
  scope.flags.insert(.dryRun)
  let result = try scope.run(body)
  if let misuse = state.first { throw misuse }
  return result
}

/// Whether this is inside ``dryRun(_:)``.
package var isDryRun: Bool { Scope.current.flags.contains(.dryRun) }

/// Runs `body` with values even inside a dry run, unrecorded and unobserved: for numbers that are made from shapes
/// alone, on which further shapes depend. Misuse in it ends the process: ask the shape rules first.
package func computingValues<Result>(_ body: () throws -> Result) rethrows -> Result {
  var scope = Scope.current.with { extras in
    extras.observers = []
    extras.anomalies = nil
  }
  scope.flags.subtract([.dryRun, .recording])
  return try scope.run(body)
}

/// The first misuse of a dry run.
final class DryRunState: Sendable {
  private let noted = Mutex<Misuse?>(nil)

  var first: Misuse? { noted.withLock { $0 } }
  func note(_ misuse: Misuse) { noted.withLock { $0 = $0 ?? misuse } }
}
