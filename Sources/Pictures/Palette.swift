/// The colours of pictures by their names, on light and on dark paper.
package enum Palette {
  /// A colour of the palette as hexadecimal numbers.
  package struct Entry: Sendable {
    package let name: String
    package let light: String
    package let dark: String

    init(_ name: String, _ light: String, _ dark: String) {
      self.name = name
      self.light = light
      self.dark = dark
    }
  }

  package static let entries = [
    Entry("paper", "#ffffff", "#15181d"), Entry("ink", "#1c2128", "#e6e9ee"),
    Entry("soft", "#5d6673", "#9aa4b2"), Entry("faint", "#d5dae1", "#3a424d"),
    Entry("wash", "#f5f7f9", "#1c2129"), Entry("blue", "#2f6fd0", "#6ea8ff"),
    Entry("orange", "#c8641a", "#f0a35e"), Entry("green", "#2c8a4b", "#69c588"),
    Entry("red", "#c0392f", "#f08079"), Entry("violet", "#6c4fa3", "#b49ae6"),
    Entry("teal", "#00808a", "#4fc3cb"),
  ]

  static func entry(_ name: String) -> Entry? { entries.first { $0.name == name } }

  /// What `name` is on light paper: a hexadecimal number for a colour of the palette, else `name` itself.
  package static func light(_ name: String) -> String { entry(name)?.light ?? name }

  /// Rules of style that give every element with a class of ``SVGPicture/paint(fill:stroke:classes:)`` its colour on
  /// dark paper.
  static var darkRules: String {
    entries.map { ".fill-\($0.name){fill:\($0.dark)}.stroke-\($0.name){stroke:\($0.dark)}" }
      .joined(separator: "\n")
  }
}
