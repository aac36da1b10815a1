import TapestryGraph

/// How an optimizer moves a parameter that it treats by itself, and what it remembers of it.
protocol ParameterRule {
  /// The pull of the parameters towards zero, before ``ParameterwiseOptimizer/adjust(where:learningRate:weightDecay:file:line:)``.
  var weightDecay: Double { get }

  /// Checks the numbers that are the rule's own; learning rate and weight decay have been checked.
  func check(_ arguments: ArgumentChecks)

  /// What is remembered of a parameter of this shape and type.
  func slots(of spec: TensorSpec) -> [StateSlot]

  /// The step, on memory. The parameter has an element at least.
  func move(_ step: ParameterStep)
}

/// An array that is remembered per parameter.
struct StateSlot {
  let name: String
  var initialValue = 0.0
  /// `nil` for the parameter's own.
  var shape: TensorShape?

  init(_ name: String, initialValue: Double = 0, shape: TensorShape? = nil) {
    self.name = name
    self.initialValue = initialValue
    self.shape = shape
  }
}
