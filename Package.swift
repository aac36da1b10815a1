// swift-tools-version: 6.1
import PackageDescription

// Imports run one way: Kernels <- Graph <- {Ops, Optim}; Ops <- Models; {Graph, Files} <- Datasets;
// Files <- Pictures; on these Training and Insight, then Commands. Modules carry the prefix through `path:`, because bare names such as
// `Models` collide in an app that depends on this package.
let package = Package(
  name: "Tapestry",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Tapestry", targets: ["Tapestry"]),
    .library(name: "TapestryTesting", targets: ["TapestryTesting"]),
    .executable(name: "convnet", targets: ["convnet"]),
  ],
  targets: [
    .target(
      name: "CTapestryKernels", path: "Sources/Kernels", cSettings: [.headerSearchPath(".")]),
    .systemLibrary(
      name: "CZlib", path: "Sources/CZlib",
      providers: [.apt(["zlib1g-dev"]), .yum(["zlib-devel"])]),
    .target(name: "CTapestryDigits", path: "Sources/Digits"),
    .target(name: "CTapestryFont", path: "Sources/Font"),
    .target(
      name: "CTapestryPage", path: "Sources/Page",
      exclude: [
        "page.html", "page.css", "engine.js", "page.js", "drawing.js", "pointer.js", "panels.js",
        "pad.js", "start.js",
      ]),
    .target(name: "TapestryGraph", dependencies: ["CTapestryKernels"], path: "Sources/Graph"),
    .target(
      name: "TapestryOps", dependencies: ["TapestryGraph", "CTapestryKernels"], path: "Sources/Ops"),
    .target(
      name: "TapestryOptim", dependencies: ["TapestryGraph", "CTapestryKernels"],
      path: "Sources/Optim"),
    .target(name: "TapestryTesting", dependencies: ["TapestryGraph"], path: "Sources/Testing"),
    .target(
      name: "TapestryFiles", dependencies: ["CZlib", "CTapestryKernels"], path: "Sources/Files"),
    .target(
      name: "TapestryModels",
      dependencies: ["TapestryGraph", "TapestryOps", "TapestryFiles", "CTapestryKernels"],
      path: "Sources/Models"),
    .target(
      name: "TapestryDatasets",
      dependencies: ["TapestryGraph", "TapestryFiles", "CTapestryDigits", "CTapestryKernels"],
      path: "Sources/Datasets"),
    .target(
      name: "TapestryPictures",
      dependencies: ["TapestryFiles", "CTapestryFont", "CTapestryKernels"],
      path: "Sources/Pictures"),
    .target(
      name: "TapestryTraining",
      dependencies: [
        "TapestryGraph", "TapestryOps", "TapestryOptim", "TapestryModels", "TapestryDatasets",
        "TapestryFiles", "TapestryPictures", "CTapestryKernels",
      ],
      path: "Sources/Training"),
    .target(
      name: "TapestryInsight",
      dependencies: [
        "TapestryGraph", "TapestryOps", "TapestryModels", "TapestryFiles", "TapestryDatasets",
        "TapestryPictures", "CTapestryPage",
      ],
      path: "Sources/Insight"),
    .target(
      name: "Tapestry",
      dependencies: [
        "TapestryGraph", "TapestryOps", "TapestryOptim", "TapestryModels", "TapestryFiles",
        "TapestryDatasets", "TapestryPictures", "TapestryTraining", "TapestryInsight",
      ],
      path: "Sources/Tapestry"),
    .target(
      name: "TapestryCommands", dependencies: ["Tapestry", "TapestryFiles", "CTapestryKernels"],
      path: "Sources/Commands"),
    .executableTarget(
      name: "convnet", dependencies: ["TapestryCommands"], path: "Sources/convnet"),
    .target(
      name: "TestSupport",
      dependencies: [
        "TapestryGraph", "TapestryOps", "TapestryOptim", "TapestryFiles", "TapestryPictures",
      ],
      path: "Tests/Support"),
    .testTarget(
      name: "OpsTests",
      dependencies: ["TestSupport", "TapestryOps", "TapestryGraph", "CTapestryKernels"]),
    .testTarget(name: "GraphTests", dependencies: ["TapestryGraph", "TapestryOps"]),
    .testTarget(name: "TestingTests", dependencies: ["TapestryTesting", "TapestryGraph"]),
    .testTarget(
      name: "OptimTests",
      dependencies: ["TestSupport", "TapestryOptim", "TapestryGraph", "CTapestryKernels"]),
    .testTarget(name: "KernelsTests", dependencies: ["CTapestryKernels"]),
    .testTarget(
      name: "ModelsTests",
      dependencies: ["TestSupport", "TapestryModels", "TapestryOptim", "TapestryDatasets"]),
    .testTarget(
      name: "FilesTests", dependencies: ["TestSupport", "TapestryFiles", "CTapestryKernels"]),
    .testTarget(
      name: "PicturesTests", dependencies: ["TestSupport", "TapestryPictures", "TapestryFiles"]),
    .testTarget(
      name: "DatasetsTests",
      dependencies: ["TestSupport", "TapestryDatasets", "TapestryGraph", "TapestryFiles"]),
    // Runs the scripts in Snippets/, which SwiftPM finds and builds by itself.
    .testTarget(name: "SnippetTests"),
    .testTarget(
      name: "TrainingTests", dependencies: ["TestSupport", "Tapestry", "TapestryFiles"]),
    .testTarget(
      name: "InsightTests",
      dependencies: [
        "TestSupport", "Tapestry", "TapestryInsight", "TapestryPictures", "TapestryFiles",
      ]),
    .testTarget(
      name: "CommandsTests",
      dependencies: [
        "TestSupport", "TapestryCommands", "Tapestry", "TapestryFiles", "CTapestryKernels",
      ]),
  ],
  swiftLanguageModes: [.v6]
)
