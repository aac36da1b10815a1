// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that whoever depends on Tapestry builds none of it.
let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "Tapestry", path: "..")],
  targets: [
    .target(name: "CPeak", path: "Sources/CPeak"),
    .executableTarget(
      name: "Rows", dependencies: [.product(name: "Tapestry", package: "Tapestry"), "CPeak"],
      path: "Sources/Rows"),
  ],
  swiftLanguageModes: [.v6]
)
