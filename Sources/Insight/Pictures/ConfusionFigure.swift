import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryPictures

/// A confusion matrix: a row for every true class, a column for every answer, darker the larger the share of the row.
///
/// - Parameters:
///   - evaluation: see `evaluate(_:on:)`.
///   - classNames: as many as the matrix has rows.
public func confusionFigure(
  _ evaluation: Evaluation, classNames: [String], title: String, file: StaticString = #fileID,
  line: UInt = #line
) -> Figure {
  let matrix = evaluation.confusion
  guard classNames.count == matrix.count else {
    trap(
      "confusionFigure: \(classNames.count) names for \(matrix.count) classes", file: file,
      line: line)
  }
  let count = matrix.count
  let cell = count <= 20 ? 36.0 : max(720 / Double(count), 2)
  let isLabelled = cell >= 12
  let names = isLabelled ? classNames.map { textWidth($0, size: 11) }.max() ?? 0 : 0
  let (margin, top) = (20.0, 92.0)
  let left = margin + names + 26
  let summary =
    "accuracy \(percent(evaluation.accuracy)) · \(grouped(evaluation.correctCount)) of "
    + "\(grouped(evaluation.count)) right · rows: truth, columns: answer"
  let head = max(textWidth(title, size: 16, isBold: true), textWidth(summary, size: 12))
  var figure = Figure(
    width: max(left + Double(count) * cell + margin + (isLabelled ? 58 : 0), head + 2 * margin),
    height: top + Double(count) * cell + margin, title: title)
  figure.text(title, x: margin, y: margin + 14, size: 16, isBold: true)
  figure.text(summary, x: margin, y: margin + 34, size: 12, color: .named("soft"))
  for (row, counts) in matrix.enumerated() {
    let total = counts.reduce(0, +)
    let y = top + Double(row) * cell
    for (column, value) in counts.enumerated() {
      let share = total > 0 ? Double(value) / Double(total) : 0
      let color = shade(share, isRight: row == column)
      figure.rectangle(
        x: left + Double(column) * cell, y: y, width: cell - 1, height: cell - 1, color: color)
      if cell >= 24, value > 0 {
        figure.text(
          "\(value)", x: left + (Double(column) + 0.5) * cell, y: y + cell / 2 + 4, size: 11,
          anchor: .middle, color: share > 0.5 ? .rgb(255, 255, 255) : .rgb(28, 33, 40))
      }
    }
    if isLabelled {
      let name = classNames[row]
      figure.text(name, x: left - 8, y: y + cell / 2 + 4, size: 11, anchor: .end)
      figure.text(
        fitted(name, width: cell - 4, size: 11), x: left + (Double(row) + 0.5) * cell, y: top - 8,
        size: 11, anchor: .middle)
      if total > 0 {
        figure.text(
          percent(Double(counts[row]) / Double(total)), x: left + Double(count) * cell + 8,
          y: y + cell / 2 + 4, size: 11, color: .named("soft"))
      }
    }
  }
  return figure
}

private func shade(_ share: Double, isRight: Bool) -> Figure.Color {
  let end = isRight ? (31.0, 95.0, 160.0) : (190.0, 50.0, 40.0)
  // Few mistakes must still be seen: the root of the share.
  let weight = share > 0 ? 0.12 + 0.88 * share.squareRoot() : 0
  func mix(_ low: Double, _ high: Double) -> UInt8 {
    UInt8((low + (high - low) * weight).rounded())
  }
  return .rgb(mix(240, end.0), mix(243, end.1), mix(247, end.2))
}
