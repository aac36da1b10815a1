/// What the classes of well-known sets are called.
package enum ClassNames {
  /// `0` ... `9`
  package static let digits = (0..<10).map(String.init)

  /// Zalando's ten kinds of clothing, in the order of their labels.
  package static let fashion = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
  ]

  /// The names for a folder in MNIST's format, told by the folder's name: with "fashion" in it, the
  /// kinds of clothing, else digits. A folder called `raw` counts as the one that it lies in.
  package static func forFolder(_ directory: String) -> [String] {
    let names = directory.split(separator: "/").map { $0.lowercased() }
    let name = names.last == "raw" ? names.dropLast().last : names.last
    return name.map { $0.contains("fashion") } == true ? fashion : digits
  }
}
