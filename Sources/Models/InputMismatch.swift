import TapestryGraph
import TapestryOps

/// Why a net cannot take an input, and which size it could take.
public struct InputMismatch: Error, Sendable, CustomStringConvertible {
  /// What the first layer that does not fit says, naming the layer.
  public let misuse: Misuse
  /// The input's shape, [N, C, H, W].
  public let shape: TensorShape
  /// The smallest square image that fits, if one up to 512 does.
  public let smallestSize: Int?

  public var description: String {
    let remedy =
      smallestSize.map { "the smallest square image this net takes is \($0)x\($0)" }
      ?? "no square image up to 512x512 fits this net with \(shape[1]) channels"
    return "the net cannot take images of shape \(shape): \(remedy)\n\(misuse)"
  }
}

extension Model {
  /// The shape of the net's output for an input of this shape, from a dry run in inference mode.
  ///
  /// - Throws: ``InputMismatch``, naming the layer that does not fit and the smallest size that does.
  public func outputShape(for shape: TensorShape, dtype: DType = .float32) throws -> TensorShape {
    do {
      return try inference { try dryRun { self(.shape(shape, dtype: dtype)) } }.shape
    } catch let misuse as Misuse {
      throw inputMismatch(misuse, shape: shape, dtype: dtype)
    }
  }

  /// Why an input of this shape does not fit, with the smallest square image that does.
  func inputMismatch(_ misuse: Misuse, shape: TensorShape, dtype: DType) -> InputMismatch {
    let smallest =
      shape.rank == 4
      ? smallestSquare { size in
        dryRunMisuse(.shape([shape[0], shape[1], size, size], dtype: dtype)) { self }
      } : nil
    return InputMismatch(misuse: misuse, shape: shape, smallestSize: smallest)
  }

  /// Ends the process where a net whose dense layers depend on the image's size has been made for one that it cannot
  /// take; in a dry run nothing is said, because whoever made the net there calls it as well.
  ///
  /// - Parameter make: the same net for another size.
  func requireFit(
    _ size: Pair, channels: Int, file: StaticString, line: UInt, _ make: (Pair) -> Self
  ) {
    if isDryRun { return }
    withoutActuallyEscaping(make) { make in
      if let mismatch = InputMismatch.of(size, channels: channels, make) {
        trap("\(Self.self): \(mismatch)", file: file, line: line)
      }
    }
  }
}

extension InputMismatch {
  /// Why the net that `make` makes for images of `size` cannot take them; `nil` if it can. Makes placeholders only.
  static func of(
    _ size: Pair, channels: Int, _ make: (Pair) -> any Model
  ) -> InputMismatch? {
    let shape: TensorShape = [1, channels, size.height, size.width]
    guard let misuse = dryRunMisuse(.shape(shape), { make(size) }) else { return nil }
    let smallest = smallestSquare { side in
      dryRunMisuse(.shape([1, channels, side, side])) { make(Pair(side)) }
    }
    return InputMismatch(misuse: misuse, shape: shape, smallestSize: smallest)
  }
}

/// What the first layer that does not fit says, when the net is made and called in a dry run.
private func dryRunMisuse(_ input: Tensor, _ make: () -> any Model) -> Misuse? {
  do {
    _ = try inference {
      try dryRun {
        let net = withParameterType(input.dtype, make)
        // The heads of a net have to fit, too.
        _ = (net as? any AuxiliaryModel)?.logits(of: input).main ?? net(input)
      }
    }
    return nil
  } catch {
    return error as? Misuse
  }
}

/// The smallest side of a square image that nothing is wrong with.
private func smallestSquare(_ misuse: (Int) -> Misuse?) -> Int? {
  (1...512).first { misuse($0) == nil }
}

/// The number of values that `layers` make of one image, for the dense layer that follows them.
///
/// 1 where the image does not fit: the check of the whole net, which knows the layers' names, then says so. Layers that
/// are made in the call are placeholders.
func featureCount(
  _ layers: @autoclosure () -> [any Model], channels: Int, size: Pair
) -> Int {
  featureShape(layers(), channels: channels, size: size)?.dropFirst().reduce(1, *) ?? 1
}

/// The shape that `layers` make of one image, or `nil` where it does not fit.
func featureShape(
  _ layers: @autoclosure () -> [any Model], channels: Int, size: Pair
) -> TensorShape? {
  let image = Tensor.shape([1, channels, size.height, size.width], dtype: ParameterType.current)
  return try? inference { try dryRun { Sequential(layers())(image) } }.shape
}
