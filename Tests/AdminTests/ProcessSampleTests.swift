import Admin
import Linux
import Observability
import Testing

@Suite("Process sample")
struct ProcessSampleTests {
    @Test("memory and descriptors are read from the system")
    func now() throws {
        let sample = ProcessSample.now()
        #expect(try #require(sample.residentBytes) > 1_000_000)
        #expect(try #require(sample.openDescriptors) >= 3)
    }
}
