import Base
import Identity
import TestSupport
import Testing

private let now = WallTime(seconds: 1_800_000_000)

@Suite("How long an answer may be kept")
struct CacheLifetimeTests {
    @Test(
        "Cache-Control",
        arguments: [
            ("max-age=60", Int64?.some(60)), ("MAX-AGE=60", 60), ("public, max-age=60, must-revalidate", 60),
            ("max-age=\"60\"", 60), ("max-age=0", 0), ("max-age=", 0), ("max-age", 0), ("max-age=-1", 0),
            ("max-age=1.5", 0), ("max-age=60, max-age=30", 30), ("max-age=30, max-age=60", 30), ("no-store", 0),
            ("no-cache, max-age=60", 0), ("private", nil), ("", nil), (",,", nil), ("s-maxage=60", nil),
            ("x=\"a, max-age=5\", max-age=60", 60), ("x=\"a\\\", max-age=5", nil), ("max-age =60", nil),
            ("max-age=99999999999999999999999999", 315_360_000), ("max-age=9223372036854775807", 315_360_000),
            ("\tmax-age=60\t", 60), ("\"", nil), ("x=\"\\", nil),
        ])
    func cacheControl(value: String, seconds: Int64?) {
        var lifetime = CacheLifetime()
        value.withByteView { lifetime.add(cacheControl: $0) }
        #expect(lifetime.remaining(now: now) == seconds.map { .seconds($0) })
    }

    @Test("Age is taken off, and never below zero")
    func age() {
        for (age, left) in [("10", Int64(50)), ("60", 0), ("61", 0), ("x", 60), ("99999999999999999999", 0)] {
            var lifetime = CacheLifetime()
            "max-age=60".withByteView { lifetime.add(cacheControl: $0) }
            age.withByteView { lifetime.add(age: $0) }
            #expect(lifetime.remaining(now: now) == .seconds(left))
        }
    }

    @Test("Expires counts from the answer's Date, and only without max-age")
    func expires() {
        var lifetime = CacheLifetime()
        lifetime.add(expires: WallTime(seconds: 1_800_000_100))
        #expect(lifetime.remaining(now: now) == .seconds(100))
        lifetime.add(date: WallTime(seconds: 1_800_000_040))
        #expect(lifetime.remaining(now: now) == .seconds(60))
        lifetime.add(expires: nil)
        #expect(lifetime.remaining(now: now) == .zero)
        "max-age=5".withByteView { lifetime.add(cacheControl: $0) }
        #expect(lifetime.remaining(now: now) == .seconds(5))
        var past = CacheLifetime()
        past.add(expires: WallTime(seconds: 1))
        #expect(past.remaining(now: now) == .zero)
    }

    @Test("any bytes: a lifetime between nothing and ten years")
    func fuzz() {
        var random = FuzzPlan.random(seed: 5)
        let pieces = ["max-age", "=", ",", "\"", "\\", " ", "60", "no-store", "9", "x", "\t", "s-maxage", "\u{ff}"]
        for _ in 0..<FuzzPlan.iterations(usual: 20_000) {
            var text = ""
            for _ in 0..<(random.next() % 12) { text += pieces[Int(random.next() % UInt64(pieces.count))] }
            var lifetime = CacheLifetime()
            text.withByteView { lifetime.add(cacheControl: $0) }
            text.withByteView { lifetime.add(age: $0) }
            if let left = lifetime.remaining(now: now) {
                #expect(left >= .zero && left <= .seconds(315_360_000))
            }
        }
    }
}
