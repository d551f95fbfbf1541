import EventLoop
import Linux
import TestSupport
import Testing

private final class Tenant: EventHandler {
    func handle(_ events: EventSet) {}
    func timerFired() {}
}

/// The table in a class, so that expectations can look into it.
private final class Places {
    private var slots: SlotTable

    init(capacity: Int = 64) { slots = SlotTable(capacity: capacity) }

    func insert(_ tenant: Tenant) -> Registration { slots.insert(tenant) }
    func remove(_ registration: Registration) { slots.remove(registration) }
    func isCurrent(_ registration: Registration) -> Bool { slots.isCurrent(registration) }
    func handler(at registration: Registration) -> (any EventHandler)? { slots.handler(at: registration) }
}

@Suite("Places of handlers")
struct SlotTableTests {
    @Test("a place's next tenant isn't reached by its last one's registration")
    func generations() {
        let slots = Places()
        let first = Tenant()
        let second = Tenant()
        let stale = slots.insert(first)
        #expect(slots.handler(at: stale) === first)
        slots.remove(stale)
        #expect(slots.handler(at: stale) == nil)
        #expect(!slots.isCurrent(stale))
        let current = slots.insert(second)
        #expect(current.index == stale.index && current != stale)
        #expect(slots.handler(at: stale) == nil)
        #expect(slots.handler(at: current) === second)
    }

    @Test("a registration that no loop has given reaches nobody")
    func none() {
        let slots = Places()
        #expect(!slots.isCurrent(.none))
        _ = slots.insert(Tenant())
        #expect(slots.handler(at: .none) == nil)
    }

    @Test("handlers live as long as they have a place")
    func lifetime() {
        weak var seen: Tenant?
        let slots = Places()
        let registration: Registration
        do {
            let tenant = Tenant()
            seen = tenant
            registration = slots.insert(tenant)
        }
        #expect(seen != nil)
        slots.remove(registration)
        #expect(seen == nil)
    }

    @Test("random coming and going: every current registration reaches its own handler, no other reaches any")
    func model() {
        var random = FuzzPlan.random(seed: 5)
        let slots = Places(capacity: 1)
        var current: [(registration: Registration, tenant: Tenant)] = []
        var gone: [Registration] = []
        for _ in 0..<FuzzPlan.iterations(usual: 5_000) {
            if current.isEmpty || Int.random(in: 0..<100, using: &random) < 52 {
                let tenant = Tenant()
                current.append((slots.insert(tenant), tenant))
            } else {
                let index = Int.random(in: 0..<current.count, using: &random)
                slots.remove(current[index].registration)
                gone.append(current.remove(at: index).registration)
            }
        }
        #expect(
            current.allSatisfy { slots.isCurrent($0.registration) && slots.handler(at: $0.registration) === $0.tenant })
        #expect(gone.allSatisfy { !slots.isCurrent($0) && slots.handler(at: $0) == nil })
    }
}
