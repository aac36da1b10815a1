import TapestryGraph

/// Which image a net's first layers are made for.
public enum Stem: String, Sendable, CaseIterable {
  /// Photographs of about 224x224, as in the papers.
  case imageNet
  /// Small images such as CIFAR's 32x32: the first layers keep the size.
  case cifar
}

/// A factor of all channel counts of a net; 1 is the paper's net. Narrow copies are quick to check.
struct Width {
  private let factor: Double

  init(_ factor: Double, file: StaticString, line: UInt) {
    guard factor > 0, factor <= 64 else {
      trap("the width is a factor above 0, at most 64, not \(factor)", file: file, line: line)
    }
    self.factor = factor
  }

  /// That many channels, rounded to a multiple of `unit`; at least `unit`.
  func callAsFunction(_ channels: Int, multipleOf unit: Int = 1) -> Int {
    max(unit, Int(Double(channels) * factor / Double(unit) + 0.5) * unit)
  }
}
