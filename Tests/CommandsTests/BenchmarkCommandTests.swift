import TapestryCommands
import TapestryFiles
import Testing

@Suite("convnet benchmark and profile")
struct BenchmarkCommandTests {
  private func number(_ report: JSONValue, _ key: String) throws -> Double {
    try #require(report[key]?.double, "\(key)")
  }

  @Test(
    "benchmark reports time, rate, share of peak and memory of nets and ops",
    arguments: [
      ["--model", "digitnet", "--batch", "2", "--mode", "train"],
      ["--model", "lenet5", "--batch", "3", "--mode", "infer"],
      ["--operation", "gemm", "--size", "32"],
      ["--operation", "gemm", "--shape", "5,6,7", "--mode", "training"],
      [
        "--operation", "conv2d", "--input", "2,3,9,8", "--filters", "4,3,3,3", "--stride", "2",
        "--padding", "1", "--mode", "training",
      ],
    ])
  func benchmark(_ words: [String]) throws {
    let session = Session(["benchmark", "--repeat", "3", "--json"] + words)
    #expect(session.exitCode == 0, "\(session.errors)")
    let report = try #require(try session.json().first)
    #expect(try number(report, "median_ms") > 0)
    #expect(try number(report, "gflops") > 0)
    let share = try number(report, "share_of_peak")
    #expect(share > 0 && share < 1.5)
    #expect(try number(report, "peak_bytes") > 1_000_000)
    if words[0] == "--model" { #expect(try number(report, "images_per_second") > 0) }
  }

  @Test("the rate counts the multiplications and additions of the op")
  func arithmetic() throws {
    let session = Session([
      "benchmark", "--operation", "gemm", "--shape", "30,40,50", "--repeat", "3", "--json",
    ])
    let report = try #require(try session.json().first)
    let (rate, time) = (try number(report, "gflops"), try number(report, "median_ms"))
    #expect(abs(rate * time * 1e6 / (2 * 30 * 40 * 50) - 1) < 1e-9)
  }

  @Test("benchmark refuses what does not fit together")
  func refusals() {
    #expect(Session(["benchmark"]).exitCode == 2)
    #expect(Session(["benchmark", "--model", "lenet5", "--operation", "gemm"]).exitCode == 2)
    #expect(Session(["benchmark", "--operation", "gemm"]).exitCode == 2)
    #expect(Session(["benchmark", "--operation", "conv2d", "--input", "1,2,3"]).exitCode == 2)
    let misfit = Session([
      "benchmark", "--operation", "conv2d", "--input", "1,3,8,8", "--filters", "4,2,3,3",
    ])
    #expect(misfit.exitCode == 1)
    #expect(misfit.complaint.contains("channels"))
    let small = Session(["benchmark", "--model", "lenet5", "--input", "1,8,8"])
    #expect(small.exitCode == 1)
    #expect(small.complaint.contains("the smallest square image"))
  }

  @Test("profile lists ops forward and backward, the longest first, and adds up to the step")
  func profile() throws {
    let session = Session([
      "profile", "--model", "lenet5", "--batch", "2", "--repeat", "2", "--json", "--top", "1000",
    ])
    #expect(session.exitCode == 0, "\(session.errors)")
    let lines = try session.json()
    let ops = lines.dropLast()
    let times = try ops.map { try number($0, "ms") }
    #expect(times == times.sorted(by: >))
    let step = try #require(lines.last)
    let parts = try number(step, "optimizer_ms") + number(step, "between_ops_ms")
    #expect(abs(times.reduce(parts, +) / (try number(step, "ms")) - 1) < 1e-6)
    let passes = Set(ops.compactMap { $0["pass"]?.string })
    #expect(passes == ["forward", "backward"])
    let convolution = try #require(
      ops.first {
        $0["op"]?.string == "conv2d"
          && $0["layer"]?.string == "c1"
      })
    #expect(try number(convolution, "flop") == 2 * 2 * 6 * 28 * 28 * 25)
    #expect(try number(convolution, "calls") == 1)
  }

  @Test("profile prints a table, per layer or per op")
  func table() {
    let session = Session(["profile", "--model", "digitnet", "--batch", "2", "--repeat", "1"])
    #expect(session.lines.first?.hasPrefix("digitnet training step, batch 2 of 1x32x32") == true)
    #expect(session.lines.contains { $0.contains("conv2d") && $0.hasSuffix("conv2") })
    #expect(session.lines.contains { $0.hasSuffix("optimizer") })
    let byOp = Session([
      "profile", "--model", "digitnet", "--batch", "2", "--repeat", "1", "--by", "op", "--mode",
      "infer",
    ])
    #expect(byOp.lines.filter { $0.contains("conv2d") }.count == 1)
    #expect(!byOp.output.contains("optimizer"))
  }
}
