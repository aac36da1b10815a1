import TapestryDatasets
import TapestryFiles
import TapestryTraining

extension EvaluateCommand {
  /// Classes listed; of more, those recognised worst.
  private static let listedClasses = 20

  func report(_ result: Evaluation, _ net: SavedNet, on source: DataSource) {
    let topFive = result.topFiveAccuracy.map { "\ntop 5:    \(fixed($0, 4))" } ?? ""
    console.line(
      """
      \(console.styled(net.description.model, .bold)) on \(counted(result.count, "test image")) of \
      \(console.styled(source.name, .bold))

      accuracy: \(console.styled(fixed(result.accuracy, 4), .bold)) \
      (\(grouped(result.correctCount)) of \(grouped(result.count)))\(topFive)
      loss:     \(fixed(result.loss, 4))
      """)
    reportClasses(result, net.description.classNames)
    reportMatrix(result, net.description.classNames)
    let names = net.description.classNames
    let confusions = result.mostFrequentConfusions()
    guard !confusions.isEmpty else { return }
    console.line("\nmost frequent confusions")
    for confusion in confusions {
      console.line(
        "  \(names[confusion.truth]) taken for \(names[confusion.answer])"
          + "  \(counted(confusion.count, "time"))")
    }
  }

  /// A line for each class that has test images.
  private func reportClasses(_ result: Evaluation, _ names: [String]) {
    var listed = names.indices.filter { result.recall(ofClass: $0) != nil }
    let isPart = listed.count > Self.listedClasses
    if isPart {
      // sort(by:) is stable: equal ones stay in the order of the classes.
      listed.sort { (result.recall(ofClass: $0) ?? 0) < (result.recall(ofClass: $1) ?? 0) }
      listed = Array(listed.prefix(Self.listedClasses))
    }
    let width = max(5, listed.map { names[$0].count }.max() ?? 0)
    console.line(
      "\n\(padded("class", width))  images  precision  recall      F1"
        + (isPart ? "  (those of the least recall)" : ""))
    for label in listed {
      func share(_ value: Double?, _ width: Int) -> String {
        padded(value.map { fixed($0, 4) } ?? "-", width, isRight: true)
      }
      let images = grouped(result.confusion[label].reduce(0, +))
      let recall = result.recall(ofClass: label)
      console.line(
        "\(padded(names[label], width))  \(padded(images, 6, isRight: true))"
          + "  \(share(result.precision(ofClass: label), 9))  \(share(recall, 6))"
          + "  \(share(result.f1Score(ofClass: label), 6))"
          + "  \(console.styled(bar(recall ?? 0, width: 20), .cyan))")
    }
  }

  /// How many images of each class were taken for which, as far as the lines have room for it.
  private func reportMatrix(_ result: Evaluation, _ names: [String]) {
    let present = names.indices.filter { label in
      result.confusion[label].contains { $0 > 0 } || result.confusion.contains { $0[label] > 0 }
    }
    let largest = grouped(result.confusion.joined().max() ?? 0).count
    let width = max(5, present.map { names[$0].count }.max() ?? 0)
    // Long names of columns are cut, but not so short that they say nothing.
    let cell = max(largest, min(present.map { names[$0].count }.max() ?? 0, 5))
    guard present.count > 1, width + present.count * (cell + 2) < console.width else { return }
    let heads = present.map { padded(String(names[$0].prefix(cell)), cell, isRight: true) }
    console.line("\nimages of each class (down) by what they are taken for (across)")
    console.line(padded("", width) + heads.map { "  \($0)" }.joined())
    for truth in present {
      let cells = present.map { answer -> String in
        let count = result.confusion[truth][answer]
        let text = padded(count == 0 ? "." : grouped(count), cell, isRight: true)
        if truth == answer { return console.styled(text, .green) }
        return count == 0 ? console.styled(text, .dim) : console.styled(text, .red)
      }
      console.line(padded(names[truth], width) + cells.map { "  \($0)" }.joined())
    }
  }

  func reportJSON(_ result: Evaluation, _ net: SavedNet, on source: DataSource) {
    let names = net.description.classNames
    func share(_ value: Double?) -> JSONValue { value.map { .finite($0) } ?? .null }
    let classes = names.indices.map { label -> JSONValue in
      [
        "class": .string(names[label]),
        "images": .integer(result.confusion[label].reduce(0, +)),
        "precision": share(result.precision(ofClass: label)),
        "recall": share(result.recall(ofClass: label)),
        "f1": share(result.f1Score(ofClass: label)),
      ]
    }
    let confusions = result.mostFrequentConfusions().map { confusion -> JSONValue in
      [
        "class": .string(names[confusion.truth]), "answer": .string(names[confusion.answer]),
        "count": .integer(confusion.count),
      ]
    }
    let matrix = result.confusion.map { JSONValue.array($0.map { .integer($0) }) }
    console.line(
      jsonLine([
        "accuracy": .finite(result.accuracy), "top5_accuracy": share(result.topFiveAccuracy),
        "loss": .finite(result.loss), "images": .integer(result.count),
        "model": .string(net.description.model), "data": .string(source.name),
        "classes": .array(classes), "confusions": .array(confusions),
        "confusion_matrix": .array(matrix),
      ]))
  }
}
