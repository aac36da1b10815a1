import TapestryCommands
import TapestryFiles
import TapestryModels
import Testing

@Suite("convnet summary")
struct SummaryCommandTests {
  @Test("ResNet-18: a row per layer, and the known totals")
  func resNet() throws {
    let session = Session(["summary", "resnet18"])
    #expect(session.exitCode == 0)
    #expect(session.lines.first?.hasPrefix("resnet18: ") == true)
    let first = try #require(session.lines.first { $0.hasPrefix("conv1 ") })
    #expect(
      first.contains("64x112x112") && first.contains("9,408") && first.contains("118,013,952"))
    #expect(session.lines.contains("parameters: 11,689,512"))
    #expect(session.lines.contains { $0.hasPrefix("multiply-adds: 1,814,073,344 ") })
  }

  @Test(
    "receptive fields before the classifier are those of the literature",
    arguments: [
      ("alexnet", "features.12", 195), ("vgg16", "features.30", 212),
      ("resnet18", "layer4.1.relu", 435),
    ])
  func receptiveFields(model: String, layer: String, size: Int) throws {
    let rows = try Session(["summary", model, "--json"]).json()
    let row = try #require(rows.last { $0["layer"]?.string == layer })
    #expect(row["receptive_field"]?["height"]?["size"]?.int == size)
    #expect(row["receptive_field"]?["width"]?["size"]?.int == size)
    #expect(row["receptive_field"]?["height"]?["jump"]?.int == 32)
  }

  @Test(
    "every model of the catalog: rows add up to the totals",
    arguments: ModelCatalog.entries.map(\.name))
  func sums(name: String) throws {
    let session = Session(["summary", name, "--json"])
    #expect(session.exitCode == 0, "\(session.errors)")
    let objects = try session.json()
    let total = try #require(objects.last)
    func sum(_ key: String) -> Int { objects.dropLast().reduce(0) { $0 + ($1[key]?.int ?? 0) } }
    let unused = try #require(total["unused_parameters"]?.int)
    #expect(total["parameters"]?.int == sum("parameters") + unused)
    #expect(total["parameters"]?.int == ModelCatalog.entry(named: name)?.parameterCount())
    #expect(total["multiply_adds"]?.int == sum("multiply_adds"))
    #expect(total["activation_bytes"]?.int == sum("activation_bytes"))
    #expect(sum("multiply_adds") > 0)
  }

  @Test("another size, batch and number of classes")
  func options() throws {
    let total = try #require(
      Session([
        "summary", "vgg11", "--input", "1,64,64", "--classes", "4", "--batch", "3", "--json",
      ])
      .json().last)
    #expect(total["input"] == [3, 1, 64, 64])
    #expect(total["output"] == [3, 4])
  }

  @Test("an unknown name, a size that does not fit and half a size are answered with the remedy")
  func refusals() {
    let unknown = Session(["summary", "resnt18"])
    #expect(unknown.exitCode == 2)
    #expect(unknown.complaint.contains("'resnt18' is not known (did you mean 'resnet18'?)"))
    let small = Session(["summary", "vgg16", "--input", "3,16,16"])
    #expect(small.exitCode == 1)
    #expect(small.complaint.contains("the smallest square image this net takes is 32x32"))
    let half = Session(["summary", "vgg16", "--input", "3,16"])
    #expect(half.exitCode == 2 && half.complaint.contains("channels, height and width"))
    #expect(Session(["summary"]).exitCode == 2)
  }
}
