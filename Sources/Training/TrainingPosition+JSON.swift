import TapestryFiles
import TapestryOptim
import TapestryPictures

// The position as a JSON object in the metadata of a checkpoint. 64-bit numbers without a sign are texts, because
// JSON's integers end at 2^63 here.

extension TrainingPosition {
  var json: JSONValue {
    var object = JSONObject()
    object["epoch"] = .integer(epoch)
    object["batch"] = .integer(batch)
    object["totals"] = [
      "images": .integer(totals.images), "correct": .integer(totals.correct),
      "loss_sum": .number(totals.lossSum), "seconds": .number(totals.seconds),
    ]
    object["history"] = .array(history.map(\.json))
    if let best {
      object["best"] = [
        "epoch": .integer(best.epoch), "loss": .real(best.loss),
        "accuracy": .number(best.accuracy),
      ]
    }
    object["epochs_without_improvement"] = .integer(epochsWithoutImprovement)
    if let plateau {
      object["plateau"] = [
        "rate": .number(plateau.rate), "best": plateau.best.map { .real($0) } ?? .null,
        "bad": .integer(plateau.badCount), "cooldown": .integer(plateau.cooldownCount),
      ]
    }
    if let data {
      object["data"] = [
        "images": .integer(data.images), "batch_size": .integer(data.batchSize),
        "seed": .string(String(data.seed)),
      ]
    }
    return .object(object)
  }

  /// The position in a JSON object.
  init(_ json: JSONValue, _ reader: inout PositionReader) {
    epoch = reader.count(json, "epoch")
    batch = reader.count(json, "batch")
    let sums = reader.object(json, "totals")
    totals.images = reader.count(sums, "images")
    totals.correct = reader.count(sums, "correct")
    totals.lossSum = reader.number(sums, "loss_sum")
    totals.seconds = reader.number(sums, "seconds")
    guard let epochs = json["history"]?.array else {
      reader.problems.append("history is missing or no array")
      return
    }
    for record in epochs { history.append(EpochRecord(record, &reader)) }
    if let best = json["best"] {
      self.best = BestEpoch(
        epoch: reader.count(best, "epoch"), loss: reader.number(best, "loss", orNull: true),
        accuracy: reader.number(best, "accuracy"))
    }
    epochsWithoutImprovement = reader.count(json, "epochs_without_improvement")
    if let plateau = json["plateau"] {
      var state = ReduceOnPlateau.State(rate: reader.number(plateau, "rate"))
      if plateau["best"]?.isNull == false {
        state.best = reader.number(plateau, "best", orNull: true)
      }
      state.badCount = reader.count(plateau, "bad")
      state.cooldownCount = reader.count(plateau, "cooldown")
      if state.rate < 0 { reader.problems.append("the rate of the plateau is negative") }
      self.plateau = state
    }
    if let data = json["data"] {
      self.data = DataOrder(
        images: reader.count(data, "images"), batchSize: reader.count(data, "batch_size"),
        seed: reader.word(data, "seed"))
    }
  }
}

extension EpochRecord {
  var json: JSONValue {
    var object = JSONObject()
    object["epoch"] = .integer(epoch)
    object["updates"] = .integer(updates)
    object["learning_rate"] = .number(learningRate)
    object["loss"] = .number(loss)
    object["accuracy"] = .number(accuracy)
    object["images"] = .integer(images)
    object["seconds"] = .number(seconds)
    if let validation {
      object["validation_loss"] = .real(validation.loss)
      object["validation_accuracy"] = .number(validation.accuracy)
      if let topFive = validation.topFiveAccuracy {
        object["validation_top5_accuracy"] = .number(topFive)
      }
    }
    return .object(object)
  }

  init(_ json: JSONValue, _ reader: inout PositionReader) {
    self.init(
      epoch: reader.count(json, "epoch"), updates: reader.count(json, "updates"),
      learningRate: reader.number(json, "learning_rate"), loss: reader.number(json, "loss"),
      accuracy: reader.number(json, "accuracy"), images: reader.count(json, "images"),
      seconds: reader.number(json, "seconds"))
    guard json["validation_loss"] != nil else { return }
    validation = Validation(
      loss: reader.number(json, "validation_loss", orNull: true),
      accuracy: reader.number(json, "validation_accuracy"),
      topFiveAccuracy: json["validation_top5_accuracy"] == nil
        ? nil : reader.number(json, "validation_top5_accuracy"))
  }
}

extension JSONValue {
  /// `value`, or null when JSON has no form for it.
  package static func finite(_ value: Double) -> JSONValue {
    value.isFinite ? .number(value) : .null
  }

  /// `value`, as ``PositionReader/number(_:_:orNull:)`` reads it: a text when it is infinite, null for NaN.
  static func real(_ value: Double) -> JSONValue {
    value.isInfinite ? .string(value < 0 ? "-inf" : "inf") : .finite(value)
  }
}

/// Takes values out of JSON and notes what is missing or out of range.
struct PositionReader {
  var problems: [String] = []

  /// Numbers of things: more than any run brings together, and so few that sums and products of two fit.
  static let counts = 0...1 << 40
  /// Losses, rates and seconds: more than float32 can hold by far, and so little that differences and squares fit.
  private static let numbers = -1e100...1e100

  /// A number of things, which cannot be so large that sums overflow.
  mutating func count(_ json: JSONValue, _ key: String) -> Int {
    guard let value = json[key]?.int, Self.counts.contains(value) else {
      problems.append("\(key) is missing or no count")
      return 0
    }
    return value
  }

  /// - Parameter isNullable: whether null stands for NaN and texts for infinity, which JSON does not have.
  mutating func number(
    _ json: JSONValue, _ key: String, orNull isNullable: Bool = false
  ) -> Double {
    if isNullable {
      if json[key]?.isNull == true { return .nan }
      if let text = json[key]?.string, text == "inf" || text == "-inf" {
        return text == "inf" ? .infinity : -.infinity
      }
    }
    guard let value = json[key]?.double else {
      problems.append("\(key) is missing or no number")
      return 0
    }
    guard Self.numbers.contains(value) else {
      problems.append("\(key) is \(value), which no training gives")
      return 0
    }
    return value
  }

  mutating func word(_ json: JSONValue, _ key: String) -> UInt64 {
    guard let value = json[key]?.string.flatMap({ UInt64($0) }) else {
      problems.append("\(key) is missing or no 64-bit number")
      return 0
    }
    return value
  }

  mutating func object(_ json: JSONValue, _ key: String) -> JSONValue {
    guard let value = json[key], value.object != nil else {
      problems.append("\(key) is missing or no object")
      return .object(JSONObject())
    }
    return value
  }
}
