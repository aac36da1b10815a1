import TapestryTraining
import Testing

@Suite("Stop request")
struct StopRequestTests {
  @Test("a request, once made, stays")
  func request() {
    let stop = StopRequest()
    #expect(!stop.isRequested)
    stop.request()
    #expect(stop.isRequested)
  }
}
