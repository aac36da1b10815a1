// What is recorded, who keeps it and when it is let go: the tape of a small computation, from its first op
// to its second derivative.

import Synchronization
import Tapestry

warnIfBuiltForDebug()

/// Writes down the name and line of every op that runs.
final class Log: OperationObserver {
  let entries = Mutex<[String]>([])
  func didApply(_ event: OperationEvent) {
    entries.withLock { $0.append("\(event.name) at line \(event.site.line)") }
  }
}

func show(_ moment: String) { print("\(LiveCounters.nodes) nodes \(moment)") }

let x = Tensor([1, 2, 3]).tracked()
show("before anything ran")

let log = Log()
var y = observing(log) {
  let squares = square(x)
  return exp(squares).sum()
}
show("after \(log.entries.withLock { $0 }.joined(separator: ", "))")

// The graph belongs to its results: with the last of them it goes.
y = withoutGradients { square(x).sum() }
show("after y was computed anew, without gradients")

// A walk releases what it has used, unless told to retain it.
y = square(x).sum()
let first = y.gradients(retaining: true)
let second = y.gradients()
print("gradient \(first[x]!), walked again \(second[x]!)")

// A recorded walk leaves nodes of its own, which can be walked in turn.
let cube = (x * x * x).sum()
let slope = gradients(of: cube, withRespectTo: [x], recording: true)[x]!
let curvature = gradients(of: slope.sum(), withRespectTo: [x])[x]!
print("x³ of \(x): slope \(slope), curvature \(curvature)")

// A dry run computes nothing: it tells shapes, or throws what does not fit.
let images = Tensor.shape([8, 1, 32, 32])
print("LeNet-5 answers \(try dryRun { LeNet5()(images) }.shape)")
do {
  _ = try dryRun { matmul(.shape([2, 3]), .shape([4, 5])) }
} catch {
  print(error)
}
