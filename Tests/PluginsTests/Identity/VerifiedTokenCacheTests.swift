import Base
import JOSE
import Plugins
import TestSupport
import Testing

@Suite("jwt: verified tokens")
struct VerifiedTokenCacheTests {
    private let issuer = IssuerKeys(name: "i", policy: IdentityFixture.policy(), algorithms: .asymmetric)

    private func entry(_ text: String) -> VerifiedToken {
        text.withByteView {
            VerifiedToken(
                token: $0, subject: ByteView("ada"), keyID: ByteView("k1"), issuer: issuer,
                key: IdentityFixture.key.verificationKey, expiry: IdentityFixture.now + 60)
        }
    }

    private func cache(entriesMax: Int = 100, bytesMax: Int = 1 << 20) -> VerifiedTokenCache {
        var random = RandomSource(seed: 3)
        return VerifiedTokenCache(limits: .init(entriesMax: entriesMax, bytesMax: bytesMax), random: &random)
    }

    private func holds(_ cache: VerifiedTokenCache, _ text: String) -> Bool {
        text.withByteView { cache.find($0) } != nil
    }

    @Test("a token is found by all of its bytes and no others")
    func finding() {
        let cache = cache()
        let tail = String(repeating: "s", count: 64)
        for name in ["a", "b", "c"] { cache.insert(entry(name + tail)) }
        for name in ["a", "b", "c"] { #expect(holds(cache, name + tail)) }
        for other in ["d" + tail, tail, "a" + tail + "s", "", "a"] { #expect(!holds(cache, other)) }
        #expect(cache.count == 3)
    }

    @Test("the oldest entry that was not used makes room")
    func order() {
        let cache = cache(entriesMax: 3)
        for name in ["a", "b", "c"] { cache.insert(entry(name)) }
        #expect(holds(cache, "a"))
        cache.insert(entry("d"))
        cache.insert(entry("e"))
        #expect(!holds(cache, "b"))
        #expect(!holds(cache, "c"))
        #expect(holds(cache, "a"))
        #expect(holds(cache, "d"))
        #expect(cache.count == 3)
    }

    @Test("where all are in use, room is made all the same, and a flood of tokens used once passes those in use by")
    func crowd() {
        let cache = cache(entriesMax: 40)
        for number in 0..<40 { cache.insert(entry("in-use-\(number)")) }
        for number in 0..<1_000 {
            for used in 0..<10 where !holds(cache, "in-use-\(used)") { cache.insert(entry("in-use-\(used)")) }
            cache.insert(entry("once-\(number)"))
            #expect(cache.count == 40)
        }
        for used in 0..<10 { #expect(holds(cache, "in-use-\(used)")) }
    }

    @Test("memory is bounded, whatever the tokens' sizes")
    func bytes() {
        let one = entry("a").bytes
        let cache = cache(bytesMax: 3 * one + 100)
        for name in ["a", "b", "c"] { cache.insert(entry(name)) }
        #expect(cache.count == 3)
        #expect(cache.bytes == 3 * one)
        cache.insert(entry(String(repeating: "x", count: 600)))
        #expect(cache.bytes <= 3 * one + 100)
        #expect(cache.count == 2)
        cache.insert(entry(String(repeating: "y", count: 4 * one)))
        #expect(cache.count == 2)
    }

    @Test("a cache without room holds nothing", arguments: [(0, 1 << 20), (10, 0)])
    func none(entriesMax: Int, bytesMax: Int) {
        let cache = cache(entriesMax: entriesMax, bytesMax: bytesMax)
        cache.insert(entry("a"))
        #expect(cache.count == 0)
        #expect(!holds(cache, "a"))
    }

    @Test("removing leaves the others, in every order", arguments: ["abc", "acb", "bac", "bca", "cab", "cba"])
    func removing(order: String) {
        let cache = cache()
        var entries: [Character: VerifiedToken] = [:]
        for name in "abc" {
            let fresh = entry(String(name))
            entries[name] = fresh
            cache.insert(fresh)
        }
        for name in order {
            if let entry = entries.removeValue(forKey: name) {
                cache.remove(entry)
                // Once more does nothing.
                cache.remove(entry)
            }
            #expect(cache.count == entries.count)
            for left in "abc" { #expect(holds(cache, String(left)) == (entries[left] != nil)) }
        }
        #expect(cache.bytes == 0)
    }

    @Test("what it holds is what a plain list holds, under random use")
    func random() {
        var random = FuzzPlan.random(seed: 41)
        let cache = cache(entriesMax: 8)
        var model: [(name: String, wasUsed: Bool)] = []
        for _ in 0..<FuzzPlan.iterations(usual: 20_000) {
            let name = "token-\(Int.random(in: 0..<24, using: &random))"
            let isKnown = holds(cache, name)
            let place = model.firstIndex { $0.name == name }
            #expect(isKnown == (place != nil))
            if let place {
                model[place].wasUsed = true
                guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
                if let found = name.withByteView({ cache.find($0) }) { cache.remove(found) }
                model.remove(at: place)
            } else {
                cache.insert(entry(name))
                if model.count == 8 {
                    while model[0].wasUsed { model.append((model.removeFirst().name, false)) }
                    model.removeFirst()
                }
                model.append((name, false))
            }
            #expect(cache.count == model.count)
        }
    }

    @Test("a long chain of entries ends without deep recursion")
    func end() {
        let cache = cache(entriesMax: 20_000, bytesMax: 1 << 30)
        for number in 0..<20_000 { cache.insert(entry("\(number)")) }
        #expect(cache.count == 20_000)
        cache.removeAll()
        #expect(cache.count == 0)
        #expect(cache.bytes == 0)
    }
}
