/// A saved net as a command line names it, with what that says about classes and pixels.
struct NetChoice {
  /// The options of commands that need weights; ``PreprocessingOptions/options`` belong to them.
  static let options = SavedNet.options

  let weights: String
  private let modelName: String?
  private let preprocessing: PreprocessingOptions

  init(_ arguments: ParsedArguments) throws {
    weights = try arguments.required(SavedNet.Options.weights)
    modelName = arguments[SavedNet.Options.model]
    preprocessing = try PreprocessingOptions(arguments)
  }

  /// - Parameter weights: the file, where the command finds one by itself.
  init(weights: String, modelName: String?, _ preprocessing: PreprocessingOptions) {
    self.weights = weights
    self.modelName = modelName
    self.preprocessing = preprocessing
  }

  /// Reads the net.
  ///
  /// - Throws: what `SavedNet` throws, and ``CommandError`` for options that do not suit it.
  func net() throws -> SavedNet {
    var net = try SavedNet(path: weights, modelName: modelName)
    try preprocessing.complete(&net.description)
    return net
  }
}
