import TapestryModels
import Testing

@Suite("Name patterns")
struct NamePatternTests {
  @Test(
    "a pattern stands for the names it matches, and for all below them",
    arguments: [
      ("conv1.weight", "conv1.weight", true), ("conv1", "conv1.weight", true),
      ("conv1", "conv10.weight", false), ("conv1.w", "conv1.weight", false),
      ("features.*", "features.0.weight", true), ("features.*", "features", false),
      ("*.bias", "layer1.0.bn1.bias", true), ("*.bias", "bias", false),
      ("layer*.conv2", "layer4.1.conv2.weight", true),
      ("layer*.conv2", "layer4.1.conv1.weight", false),
      ("layer4.*.conv1.weight", "layer4.0.conv1.weight", true),
      ("*", "anything.at.all", true), ("", "weight", false), ("**", "a", true),
      ("a*a", "a", false), ("a*a", "aa", true), ("*ab*ab", "ab", false),
      ("*ab*ab", "xabyabab", true), ("layer1", "layer1", true), ("weight", "conv1.weight", false),
    ])
  func matching(pattern: String, name: String, isMatch: Bool) {
    #expect(NamePattern(pattern).matches(name) == isMatch)
  }

  @Test("patterns of many stars on long names take no time")
  func hostile() {
    let pattern = NamePattern(String(repeating: "*a", count: 40) + "*b")
    #expect(!pattern.matches(String(repeating: "a", count: 10_000)))
  }

  @Test(
    "renaming strips, adds, looks up tables in order and goes on with the next",
    arguments: [
      (StateRenaming.none, "a.b", "a.b"),
      (.removingPrefix("module."), "module.a", "a"), (.removingPrefix("module."), "a", "a"),
      (.addingPrefix("net."), "a", "net.a"),
      (
        .table(["conv_*.w": "features.*.weight", "*.w": "*.kernel"]), "conv_3.w",
        "features.3.weight"
      ),
      (.table(["conv_*.w": "features.*.weight", "*.w": "*.kernel"]), "fc.w", "fc.kernel"),
      (.table(["conv_*.w": "features.*.weight"]), "conv_3.b", "conv_3.b"),
      (.table(["*.*.*": "*_*_*"]), "a.b.c.d", "a_b_c.d"),
      (.table(["head.*": "fc"]), "head.7", "fc"),
      (.removingPrefix("m.").then(.table(["w": "weight"])), "m.w", "weight"),
      (StateRenaming { _ in nil }.then(.addingPrefix("x")), "a", nil),
    ] as [(StateRenaming, String, String?)])
  func renaming(renaming: StateRenaming, name: String, expected: String?) {
    #expect(renaming(name) == expected)
  }

  @Test("a new name with more stars than its pattern traps")
  func stars() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = StateRenaming.table(["a.*": "*.*"])
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("the new name \"*.*\" has more stars than its pattern \"a.*\""))
  }
}
