import TapestryFiles
import Testing

/// The files of Tests/Fixtures/images, and the picture that each of the PNG files shows.
///
/// `Tests/Interop/make_images.py` writes them; the formulas are the same there.
enum ImageFixtures {
  static var folder: String {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    return parts.joined(separator: "/") + "/Fixtures/images"
  }

  static func path(_ name: String) -> String { "\(folder)/\(name)" }

  static func bytes(_ name: String) throws -> [UInt8] {
    try readPossiblyCompressed(path(name), limit: 1 << 20)
  }

  static func sample(_ x: Int, _ y: Int, _ channel: Int, depth: Int) -> Int {
    (37 * x + 101 * y + 53 * channel + 7 * x * y) * (depth == 16 ? 257 : 1) % (1 << depth)
  }

  static func color(_ index: Int) -> [Int] {
    [71 * index % 256, (29 * index + 5) % 256, (113 * index + 17) % 256]
  }

  static func opacity(_ index: Int) -> Int { 97 * index % 256 }

  /// The names of the PNG files with the picture of the formulas, without `.png`.
  static var pictures: [String] {
    let names = (try? namesInDirectory(folder)) ?? []
    return names.compactMap { name in
      name.hasSuffix(".png") && !name.hasPrefix("jpeg") ? String(name.dropLast(4)) : nil
    }
  }

  /// What the file called `name` shows: `KIND-DEPTH`, then what else is special about it.
  static func expected(_ name: String) throws -> RasterImage {
    var words = name.split(separator: "-").map(String.init)
    if words.first == "pillow" { words.removeFirst() }
    let depth = try #require(Int(words[1]))
    let hasKey = words.contains("trns")
    var (width, height) = (13, 9)
    if let last = words.last, last.contains("x") {
      let sizes = last.split(separator: "x").compactMap { Int($0) }
      (width, height) = (sizes[0], sizes[1])
    }
    let stored = try #require(["gray": 1, "palette": 1, "graya": 2, "rgb": 3, "rgba": 4][words[0]])
    let isPalette = words[0] == "palette"
    let maximum = isPalette ? 255 : (1 << depth) - 1
    let key = (0..<stored).map { sample(1, 0, $0, depth: depth) }
    var samples: [Int] = []
    for y in 0..<height {
      for x in 0..<width {
        let pixel = (0..<stored).map { sample(x, y, $0, depth: depth) }
        guard isPalette else {
          samples += pixel
          if hasKey { samples.append(pixel == key ? 0 : maximum) }
          continue
        }
        samples += color(pixel[0])
        let opacities = depth == 8 ? 256 : 9
        if hasKey { samples.append(pixel[0] < opacities ? opacity(pixel[0]) : 255) }
      }
    }
    return RasterImage(
      width: width, height: height, channels: samples.count / (width * height), maximum: maximum,
      samples: samples.map { UInt16($0) })
  }
}
