import TapestryGraph
import TapestryOps

/// The pixels of a net's input that a unit of one of its maps depends on.
///
/// A window of `size` pixels per axis, at most: pixels beyond the image are padding. The unit next to it has the
/// window `jump` pixels further on. A convolution or pool with window k, stride s, dilation d and padding p makes of
/// it: size + (k - 1) d jump, jump s, start - p jump.
///
/// W. Luo et al., "Understanding the effective receptive field", 2016; A. Araujo et al., "Computing receptive fields of
/// convolutional neural networks", Distill 2019.
public struct ReceptiveField: Sendable, Hashable, CustomStringConvertible {
  /// What holds along one axis of the image.
  public struct Axis: Sendable, Hashable {
    /// How many pixels a unit depends on.
    public var size: Int
    /// The distance between the windows of neighbouring units; 0 where every unit depends on the same pixels.
    public var jump: Int
    /// The first pixel of the first unit's window; negative where that begins in the padding.
    public var start: Int

    public init(size: Int = 1, jump: Int = 1, start: Int = 0) {
      self.size = size
      self.jump = jump
      self.start = start
    }

    /// The pixels of the unit at `index`, padding included.
    public func pixels(of index: Int) -> Range<Int> {
      let first = start + index * jump
      return first..<first + size
    }

    /// The window after an op that reads such windows.
    func reading(_ window: SpatialReading.Window) -> Axis {
      Axis(
        size: size + (window.size - 1) * window.dilation * jump, jump: jump * window.stride,
        start: start - window.before * jump)
    }

    /// The window of something that depends on all of `count` units.
    func covering(_ count: Int) -> Axis {
      Axis(size: size + max(count - 1, 0) * jump, jump: 0, start: start)
    }

    /// The smallest window that has both.
    func union(_ other: Axis) -> Axis {
      let first = min(start, other.start)
      return Axis(
        size: max(start + size, other.start + other.size) - first, jump: max(jump, other.jump),
        start: first)
    }
  }

  public var height: Axis
  public var width: Axis

  public init(height: Axis = Axis(), width: Axis = Axis()) {
    self.height = height
    self.width = width
  }

  /// `11x11` or, where neighbouring windows are apart by more than a pixel, `11x11 every 4`.
  public var description: String {
    let jumps = height.jump == width.jump ? "\(height.jump)" : "\(height.jump)x\(width.jump)"
    let step = max(height.jump, width.jump) > 1 ? " every \(jumps)" : ""
    return "\(height.size)x\(width.size)\(step)"
  }

  func covering(_ shape: TensorShape) -> ReceptiveField {
    ReceptiveField(height: height.covering(shape[2]), width: width.covering(shape[3]))
  }
}

extension ModelTrace {
  /// The receptive field of each of the trace's ``values``, by index: `nil` for what does not depend on the input.
  ///
  /// Maps are `[N, C, H, W]`. What is no map any more, as after flattening, has the field of all units together. Ops
  /// that are not known to read a place or a window count as reading everything. Statistics of a batch, which
  /// normalisation reads in training, are not counted.
  ///
  /// - Precondition: the traced input is `[N, C, H, W]`.
  public func receptiveFields() -> [ReceptiveField?] {
    var fields = [ReceptiveField?](repeating: nil, count: values.count)
    guard values[input].spec.shape.rank == 4 else { return fields }
    fields[input] = ReceptiveField()
    for step in steps {
      for output in step.outputs { fields[output] = field(of: output, step, fields) }
    }
    return fields
  }

  private func field(
    of output: Int, _ step: Step, _ fields: [ReceptiveField?]
  ) -> ReceptiveField? {
    let shape = values[output].spec.shape
    let operands = step.inputs.filter { fields[$0] != nil }
    guard let first = operands.first, let field = fields[first] else { return nil }
    let input = values[first].spec.shape
    switch step.operation.knownSpatialReading(of: input) {
    case .windows(let height, let width) where shape.rank == 4 && operands.count == 1:
      return ReceptiveField(
        height: field.height.reading(height), width: field.width.reading(width))
    case .samePlace where shape.rank == 4: return union(of: operands, over: shape, fields)
    default:
      let all = operands.compactMap { fields[$0]?.covering(padded(values[$0].spec.shape)) }
      return all.dropFirst().reduce(all[0]) { union($0, $1) }
    }
  }

  /// The field of something that reads the same place of several maps. One that has a single place is read from all
  /// places, and fields that move by different steps have no common one: both count as read whole.
  private func union(
    of operands: [Int], over shape: TensorShape, _ fields: [ReceptiveField?]
  ) -> ReceptiveField? {
    var moving: [ReceptiveField] = []
    for operand in operands {
      guard let field = fields[operand] else { continue }
      let own = padded(values[operand].spec.shape)
      var read = field
      if own[2] != shape[2] { read.height = field.height.covering(own[2]) }
      if own[3] != shape[3] { read.width = field.width.covering(own[3]) }
      moving.append(read)
    }
    guard let first = moving.first else { return nil }
    let isCommon = moving.allSatisfy {
      $0.height.jump == first.height.jump && $0.width.jump == first.width.jump
    }
    if !isCommon { moving = moving.map { $0.covering(shape) } }
    return moving.dropFirst().reduce(moving[0]) { union($0, $1) }
  }

  private func union(_ a: ReceptiveField, _ b: ReceptiveField) -> ReceptiveField {
    ReceptiveField(height: a.height.union(b.height), width: a.width.union(b.width))
  }

  /// A shape of four axes; what is no map has a single place.
  private func padded(_ shape: TensorShape) -> TensorShape {
    shape.rank == 4 ? shape : [1, 1, 1, 1]
  }
}
