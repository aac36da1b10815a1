import TapestryFiles

/// Small pictures in rows, each with a line of text below it.
public struct Sheet: Sendable {
  /// One picture.
  public struct Item: Sendable {
    public var image: RasterImage
    public var caption: String
    /// Whether enlarged pixels are blended.
    public var isSmooth: Bool

    public init(_ image: RasterImage, caption: String = "", isSmooth: Bool = false) {
      self.image = image
      self.caption = caption
      self.isSmooth = isSmooth
    }
  }

  /// Pictures under a heading, wrapped to the width of the sheet.
  public struct Section: Sendable {
    public var heading: String
    public var items: [Item]
    /// Width of each picture in units of length.
    public var itemSize: Double

    public init(_ heading: String, _ items: [Item], itemSize: Double = 64) {
      self.heading = heading
      self.items = items
      self.itemSize = itemSize
    }
  }

  public var title: String
  public var sections: [Section]
  /// The width that rows are wrapped at.
  public var width: Double

  public init(title: String, sections: [Section], width: Double = 760) {
    self.title = title
    self.sections = sections
    self.width = width
  }

  /// The sheet as a picture.
  public func figure() -> Figure {
    let margin = 20.0
    let gap = 8.0
    var used = title.isEmpty ? 0 : textWidth(title, size: 16, isBold: true)
    var y = margin + (title.isEmpty ? 0 : 30)
    var placed: [(item: Item, x: Double, y: Double, width: Double, height: Double)] = []
    var headings: [(text: String, y: Double)] = []
    for section in sections {
      if !section.heading.isEmpty {
        headings.append((section.heading, y + 12))
        used = max(used, textWidth(section.heading, size: 12))
        y += 20
      }
      var x = 0.0
      var rowHeight = 0.0
      for item in section.items {
        let scale = section.itemSize / Double(max(item.image.width, item.image.height))
        let (w, h) = (Double(item.image.width) * scale, Double(item.image.height) * scale)
        let caption = item.caption.isEmpty ? 0 : 16.0
        let cell = max(w, textWidth(item.caption, size: 10))
        if x > 0, x + cell > width {
          x = 0
          y += rowHeight + gap
          rowHeight = 0
        }
        placed.append((item, margin + x + (cell - w) / 2, y, w, h))
        x += cell
        used = max(used, x)
        x += gap
        rowHeight = max(rowHeight, h + caption)
      }
      y += rowHeight + 16
    }
    var figure = Figure(width: used + 2 * margin, height: y - 16 + margin, title: title)
    if !title.isEmpty { figure.text(title, x: margin, y: margin + 14, size: 16, isBold: true) }
    for heading in headings {
      figure.text(heading.text, x: margin, y: heading.y, size: 12, color: .named("soft"))
    }
    for cell in placed {
      figure.rectangle(
        x: cell.x - 1, y: cell.y - 1, width: cell.width + 2, height: cell.height + 2,
        color: .named("faint"))
      figure.image(
        cell.item.image, x: cell.x, y: cell.y, width: cell.width, height: cell.height,
        isSmooth: cell.item.isSmooth)
      if !cell.item.caption.isEmpty {
        figure.text(
          cell.item.caption, x: cell.x + cell.width / 2, y: cell.y + cell.height + 12, size: 10,
          anchor: .middle, color: .named("soft"))
      }
    }
    return figure
  }
}
