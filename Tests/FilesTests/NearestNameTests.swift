import TapestryFiles
import Testing

@Suite("Nearest name")
struct NearestNameTests {
  private let models = ["lenet5", "alexnet", "vgg11", "vgg16", "resnet18", "resnet50", "googlenet"]

  @Test(
    "a slip finds the name",
    arguments: [
      ("lenet", "lenet5"), ("lent5", "lenet5"), ("LeNet-5", "lenet5"), ("alxenet", "alexnet"),
      ("alexnett", "alexnet"), ("vgg-16", "vgg16"), ("resnet-50", "resnet50"),
      ("resent18", "resnet18"), ("goo", "googlenet"), ("resnet", "resnet18"),
    ])
  func found(name: String, expected: String) {
    #expect(nearest(name, in: models) == expected)
  }

  @Test(
    "nothing is guessed for what is far from every name",
    arguments: ["", "x", "transformer", "ne", String(repeating: "lenet5", count: 1000)])
  func notFound(name: String) {
    #expect(nearest(name, in: models) == nil)
  }

  @Test("the nearer name wins, of equals the first")
  func order() {
    #expect(nearest("vgg1", in: models) == "vgg11")
    #expect(nearest("vgg6", in: models) == "vgg16")
    #expect(nearest("adma", in: ["sgd", "adam", "adamw"]) == "adam")
    #expect(nearest("a", in: ["b"]) == nil)
    #expect(nearest("anything", in: []) == nil)
  }
}
