import Proxy
import Testing
import Upstream

@Suite("Hash rings over reloads")
struct HashRingsTests {
    private func targets(_ weights: [Int]) -> [BalancerTarget] {
        weights.enumerated().map { BalancerTarget(weight: $1, identity: UInt64($0)) }
    }

    @Test("a ring is made once for an upstream, and anew only when its targets or weights are others")
    func reuse() {
        var first = HashRings()
        let ring = first.ring(of: targets([1, 2]), for: "app/service")
        var second = HashRings(after: first)
        #expect(second.ring(of: targets([1, 2]), for: "app/service") === ring)
        #expect(second.ring(of: targets([1, 2]), for: "app/other") !== ring)
        var third = HashRings(after: second)
        #expect(third.ring(of: targets([1, 3]), for: "app/service") !== ring)
        // What nobody asked for is gone.
        var fourth = HashRings(after: HashRings(after: second))
        #expect(fourth.ring(of: targets([1, 2]), for: "app/service") !== ring)
    }
}
