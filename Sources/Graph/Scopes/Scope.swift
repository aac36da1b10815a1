/// What is in force around the present call.
struct Scope: Sendable {
  struct Flags: OptionSet, Sendable {
    let rawValue: UInt8
    /// Ops leave nodes behind.
    static let recording = Flags(rawValue: 1)
    /// Layers such as dropout and batch normalisation behave as in training.
    static let training = Flags(rawValue: 2)
    /// Only shape rules run.
    static let dryRun = Flags(rawValue: 4)
    /// `extras` has an observer or an anomaly monitor: `apply` takes its slow path.
    static let watched = Flags(rawValue: 8)
  }

  var flags: Flags = [.recording, .training]
  var layer: LayerOrigin?
  /// The walk under way, in whose nodes' backward or jvp this is.
  var walk: Tape?
  private var shared: SharedExtras?
  @inline(__always) var extras: Extras? { shared?.extras }

  @TaskLocal static var current = Scope()

  /// What few scopes need.
  struct Extras: Sendable {
    var observers: [any OperationObserver] = []
    var anomalies: AnomalyMonitor?
    /// By cell.
    var substitutions: [ObjectIdentifier: Tensor] = [:]
    var randomSource: RandomSource?
    var dryRun: DryRunState?
    /// Of the checkpointed body that runs for the first time here.
    var record: StateRecord?
    /// For a body that runs again here: a checkpointed one, or one that is being checked.
    var replay: StateReplay?
  }

  /// Behind one reference, for scopes are copied with every change of a flag.
  private final class SharedExtras: Sendable {
    let extras: Extras
    init(_ extras: Extras) { self.extras = extras }
  }

  /// This scope with other extras.
  func with(_ change: (inout Extras) -> Void) -> Scope {
    var extras = self.extras ?? Extras()
    change(&extras)
    var scope = self
    let isWatched = !extras.observers.isEmpty || extras.anomalies != nil
    scope.flags = isWatched ? flags.union(.watched) : flags.subtracting(.watched)
    scope.shared = SharedExtras(extras)
    return scope
  }

  /// Runs `body` in this scope.
  func run<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Scope.$current.withValue(self, operation: body)
  }
}

private func withFlags<Result>(
  adding added: Scope.Flags = [], removing removed: Scope.Flags = [], _ body: () throws -> Result
) rethrows -> Result {
  var scope = Scope.current
  scope.flags = scope.flags.union(added).subtracting(removed)
  return try scope.run(body)
}

/// Runs `body` without recording: its results are untracked, nothing is kept for a backward pass.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  try withFlags(removing: .recording, body)
}

/// Runs `body` recording, also inside ``withoutGradients(_:)``.
public func recordingGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  try withFlags(adding: .recording, body)
}

/// Runs `body` without recording and with layers in inference mode: dropout passes its input on, batch
/// normalisation uses its running statistics.
public func inference<Result>(_ body: () throws -> Result) rethrows -> Result {
  try withFlags(removing: [.recording, .training], body)
}

/// Runs `body` recording and with layers in training mode, which is also the default outside any scope.
public func training<Result>(_ body: () throws -> Result) rethrows -> Result {
  try withFlags(adding: [.recording, .training], body)
}

/// Whether layers behave as in training here.
public var isTraining: Bool { Scope.current.flags.contains(.training) }

/// Whether ops are being recorded here.
public var isRecording: Bool { Scope.current.flags.contains(.recording) }

/// Runs `body` with other values in the place of parameters or buffers: float64 checks of a float32
/// model, averaged weights, derivatives by parameters as arguments.
///
/// A substitute has its parameter's shape; its element type may differ. It may be tracked.
///
/// - Precondition: each pair has equal shapes, and its first member is a ``Parameter`` or ``Buffer``.
public func substituting<Result>(
  _ pairs: [(Tensor, Tensor)], file: StaticString = #fileID, line: UInt = #line,
  _ body: () throws -> Result
) rethrows -> Result {
  let scope = Scope.current.with { extras in
    for (target, substitute) in pairs {
      guard let cell = target.cell else {
        trap(
          "substituting: only parameters and buffers can be substituted, this is a \(target.spec)",
          file: file, line: line)
      }
      guard target.shape == substitute.shape else {
        trap(
          "substituting: \(cell.label.name ?? "a parameter") has shape \(target.shape),"
            + " its substitute \(substitute.shape)", file: file, line: line)
      }
      extras.substitutions[ObjectIdentifier(cell)] = substitute.resolved
    }
  }
  return try scope.run(body)
}

/// Runs `body` with `source` as the origin of all random numbers: initialisers, dropout, shuffles.
public func withRandomSource<Result>(
  _ source: RandomSource, _ body: () throws -> Result
) rethrows -> Result {
  try Scope.current.with { $0.randomSource = source }.run(body)
}

/// Runs `body` as the work of a layer, so that messages, summaries and profiles can name it.
package func withLayer<Result>(_ layer: LayerOrigin, _ body: () throws -> Result) rethrows -> Result
{
  var scope = Scope.current
  scope.layer = layer
  return try scope.run(body)
}
