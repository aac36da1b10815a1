import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryPictures

/// The pictures of a page.
struct PageSamples {
  private let set: ImageSet?
  private let indices: [Int]
  private let pictures: [[UInt8]]

  /// `count` pictures of `set`, evenly over it: sets may be in the order of the classes.
  ///
  /// - Throws: `FileError` for a picture that cannot be read.
  init(_ set: ImageSet?, count: Int) throws(FileError) {
    self.set = set
    let available = set?.count ?? 0
    let chosen = min(count, available)
    indices = (0..<chosen).map { $0 * available / chosen }
    var pictures: [[UInt8]] = []
    if let set {
      for index in indices { pictures.append(try set.bytes(of: index)) }
    }
    self.pictures = pictures
  }

  /// Of which size pictures are before they are enlarged for the net, and how much of it what they show fills.
  func source(input: TensorShape) -> JSONValue {
    [
      "height": .integer(set?.height ?? input[1]), "width": .integer(set?.width ?? input[2]),
      "maximum": .integer(set?.maximumValue ?? 255), "extent": .number(extent),
    ]
  }

  var list: JSONValue {
    guard let set else { return .array([]) }
    return .array(
      zip(indices, pictures).map { index, picture in
        [
          "index": .integer(index), "label": .integer(set.labels[index]),
          "pixels": .string(base64(picture)),
        ]
      })
  }

  /// The mean over the pictures of the longer side of what is bright in them, as a share of the picture's longer side;
  /// 0.8 where there is nothing to measure.
  private var extent: Double {
    guard let set else { return 0.8 }
    let (plane, width) = (set.height * set.width, set.width)
    var (sum, count) = (0.0, 0)
    for picture in pictures {
      var (top, bottom, left, right) = (set.height, -1, width, -1)
      for place in 0..<plane {
        let isBright = (0..<set.channels).contains {
          4 * Int(picture[$0 * plane + place]) > set.maximumValue
        }
        guard isBright else { continue }
        (top, bottom) = (min(top, place / width), max(bottom, place / width))
        (left, right) = (min(left, place % width), max(right, place % width))
      }
      guard bottom >= 0 else { continue }
      sum += Double(max(bottom - top, right - left) + 1) / Double(max(set.height, width))
      count += 1
    }
    return count > 0 ? sum / Double(count) : 0.8
  }
}
