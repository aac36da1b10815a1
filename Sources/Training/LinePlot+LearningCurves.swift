import TapestryPictures

extension LinePlot {
  /// Loss and accuracy over the epochs, of training and, where there is one, of the validation set.
  public static func learningCurves(_ history: [EpochRecord], title: String = "") -> LinePlot {
    func curves(
      _ training: (EpochRecord) -> Double, _ validation: (EpochRecord.Validation) -> Double
    ) -> [Series] {
      let measured = history.compactMap { record in
        record.validation.map { (x: Double(record.epoch), y: validation($0)) }
      }
      return [Series("training", history.map { (Double($0.epoch), training($0)) })]
        + (measured.isEmpty ? [] : [Series("validation", measured)])
    }
    return LinePlot(
      title: title, horizontalLabel: "epoch",
      panels: [
        Panel("loss", curves(\.loss, \.loss)),
        Panel("accuracy", curves(\.accuracy, \.accuracy)),
        Panel(
          "learning rate",
          [Series("at the end", history.map { (Double($0.epoch), $0.learningRate) })]),
      ])
  }
}
