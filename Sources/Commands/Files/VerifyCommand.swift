import TapestryFiles
import TapestryGraph
import TapestryModels

/// `convnet verify`: runs ONNX models on the test data beside them.
struct VerifyCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let rtol: Option<Double> = .double(
      "rtol", default: 1e-3, in: 0...1, help: "Relative tolerance.")
    static let atol: Option<Double> = .double(
      "atol", default: 1e-7, in: 0...1e9, help: "Absolute tolerance.")
    static let verbose: Option<Bool> = .flag(
      "verbose", help: "A line for each model, not only for those that fail.")
    static let json: Option<Bool> = .flag(
      "json", help: "One JSON object per model, then one with the counts.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "verify",
    summary: "Compares ONNX models with the test data beside them.",
    discussion: """
      ONNX models travel with test data: a folder with 'model.onnx' and, in folders called 'test_data_set_0' \
      and so on, 'input_0.pb' and 'output_0.pb'. Takes such folders, or folders of them. A result passes when \
      every element is within atol + rtol |expected|. What asks for an operator, an element type or a mode that \
      is not supported is counted by itself. The exit code is 1 if a result differs or a model cannot be run.

        convnet verify squeezenet1.0-12
      """,
    arguments: [
      CommandArgument("FOLDER", .many, help: "A model's folder, or one with such folders.")
    ],
    options: declared(Options.rtol, Options.atol, Options.verbose, Options.json))

  private enum Outcome {
    case passed
    case failed(String)
    case unsupported(String)

    var name: String {
      switch self {
      case .passed: "passed"
      case .failed: "failed"
      case .unsupported: "not supported"
      }
    }

    var reason: String? {
      switch self {
      case .passed: nil
      case .failed(let reason), .unsupported(let reason): reason
      }
    }
  }

  private let folders: [String]
  private let relative: Double
  private let absolute: Double
  private let isVerbose: Bool
  private let isJSON: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    folders = arguments.arguments("FOLDER")
    relative = arguments[Options.rtol]
    absolute = arguments[Options.atol]
    isVerbose = arguments[Options.verbose]
    isJSON = arguments[Options.json]
    console = program.console
  }

  func run() throws -> Int32 {
    var (passed, failed, unsupported) = (0, 0, 0)
    for folder in try folders.flatMap(Self.models) {
      let outcome = check(folder)
      switch outcome {
      case .passed: passed += 1
      case .failed: failed += 1
      case .unsupported: unsupported += 1
      }
      report(folder, outcome)
    }
    guard passed + failed + unsupported > 0 else {
      throw CommandError(
        "\(folders.joined(separator: ", ")): there is no folder with a 'model.onnx'")
    }
    if isJSON {
      console.line(
        jsonLine([
          "passed": .integer(passed), "failed": .integer(failed),
          "not_supported": .integer(unsupported),
        ]))
    } else {
      console.line("passed \(passed), failed \(failed), not supported \(unsupported)")
    }
    return failed == 0 ? 0 : Convnet.ExitCode.failure
  }

  private func report(_ folder: String, _ outcome: Outcome) {
    if isJSON {
      console.line(
        jsonLine([
          "model": .string(folder), "outcome": .string(outcome.name),
          "reason": outcome.reason.map { .string($0) } ?? .null,
        ]))
      return
    }
    if case .failed = outcome {} else if !isVerbose { return }
    console.line(
      "\(outcome.name): \(folder)\(outcome.reason.map { ": \($0)" } ?? "")")
  }

  /// The folders with a model among `folder` and those in it.
  private static func models(in folder: String) throws(FileError) -> [String] {
    let names = try namesInDirectory(folder)
    if names.contains("model.onnx") { return [folder] }
    return names.map { "\(folder)/\($0)" }.filter { path in
      (try? namesInDirectory(path))?.contains("model.onnx") == true
    }
  }

  private func check(_ folder: String) -> Outcome {
    do {
      let net = try ONNXModel(contentsOf: "\(folder)/model.onnx")
      let sets = try namesInDirectory(folder).filter { $0.hasPrefix("test_data_set_") }
      guard !sets.isEmpty else { return .failed("there is no test data beside it") }
      for set in sets {
        let path = "\(folder)/\(set)"
        var feeds: [String: Tensor] = [:]
        for (index, input) in net.inputs.enumerated() {
          feeds[input.name] = try read("\(path)/input_\(index).pb")
        }
        let results = try net.outputs(for: feeds)
        for (index, name) in net.outputs.enumerated() {
          let expected = try read("\(path)/output_\(index).pb")
          guard let actual = results[name] else { continue }
          if let difference = difference(actual, expected) {
            return .failed("\(set), output \(quoted(name)): \(difference)")
          }
        }
      }
      return .passed
    } catch let error as ONNXError {
      return error.isUnsupported ? .unsupported("\(error)") : .failed("\(error)")
    } catch let error as UnsupportedType {
      return .unsupported(error.description)
    } catch {
      return .failed("\(error)")
    }
  }

  private struct UnsupportedType: Error, CustomStringConvertible {
    let description: String
  }

  private func read(_ path: String) throws -> Tensor {
    let file = try ONNXTensorFile(path: path)
    guard file.tensor.type.isExact, let tensor = file.withElements({ file.tensor.tensor($0) })
    else {
      throw UnsupportedType(
        description:
          "\(path): the element type \(file.tensor.type), or the shape \(file.tensor.dimensions)")
    }
    return tensor
  }

  /// What is wrong with `actual`, or nil. NaN equals NaN.
  private func difference(_ actual: Tensor, _ expected: Tensor) -> String? {
    guard actual.spec == expected.spec else {
      return "is \(actual.spec), expected \(expected.spec)"
    }
    let (values, wanted) = (actual.scalars(), expected.scalars())
    for (place, (value, target)) in zip(values, wanted).enumerated() {
      let isEqual =
        value == target || (value.isNaN && target.isNaN)
        || abs(value - target) <= absolute + relative * abs(target)
      if !isEqual { return "element \(place) is \(value), expected \(target)" }
    }
    return nil
  }
}
