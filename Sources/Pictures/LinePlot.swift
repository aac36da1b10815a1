/// Curves in one or more panels, one above the other, drawn as SVG or as pixels.
public struct LinePlot: Sendable {
  /// A curve.
  public struct Series: Sendable {
    public let name: String
    /// In the order of x. Points that are not finite are left out.
    public let points: [(x: Double, y: Double)]

    public init(_ name: String, _ points: [(x: Double, y: Double)]) {
      self.name = name
      self.points = points
    }
  }

  /// An area with axes.
  public struct Panel: Sendable {
    /// What the vertical axis shows.
    public var label: String
    public var series: [Series]
    /// The numbers at the bottom and the top; those of the curves where `nil`.
    public var range: ClosedRange<Double>?
    /// Places to mark on the horizontal axis, each with a text.
    public var marks: [(x: Double, text: String)]

    public init(
      _ label: String, _ series: [Series], range: ClosedRange<Double>? = nil,
      marks: [(x: Double, text: String)] = []
    ) {
      self.label = label
      self.series = series
      self.range = range
      self.marks = marks
    }
  }

  public var title: String
  /// What the horizontal axis shows.
  public var horizontalLabel: String
  /// Whether the horizontal axis shows powers of ten at equal distances.
  public var isLogarithmic: Bool
  public var panels: [Panel]

  public init(
    title: String, horizontalLabel: String, isLogarithmic: Bool = false, panels: [Panel]
  ) {
    self.title = title
    self.horizontalLabel = horizontalLabel
    self.isLogarithmic = isLogarithmic
    self.panels = panels
  }
}
