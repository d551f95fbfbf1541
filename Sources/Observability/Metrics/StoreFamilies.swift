import Base

/// One shared store at the moment of a scrape.
package struct StoreSample: Sendable {
    /// The name in the configuration.
    package var name: String
    /// Event loops that can ask it now.
    package var readyLoops = 0
    /// What became of checks.
    package var checks: [(result: StaticString, count: UInt64)] = []
    package var connects: UInt64 = 0
    package var connectFailures: UInt64 = 0
    /// How often it was given up for a while.
    package var openings: UInt64 = 0
    /// How long answered checks have waited together.
    package var waitedNanoseconds: UInt64 = 0

    package init(name: String) { self.name = name }
}

/// The families with one set of series per shared store. Without stores there are none.
struct StoreFamilies {
    let stores: [StoreSample]

    func render(_ text: inout PrometheusText) {
        guard !stores.isEmpty else { return }
        single(&text, "portcullis_store_ready", .gauge, "Event loops that can ask a store now.") {
            UInt64($0.readyLoops)
        }
        let checks: StaticString = "portcullis_store_checks_total"
        text.family(
            checks, .counter,
            help: "Checks of a store, by result; skipped: the store was known to be unavailable, and wasn't asked.")
        for store in stores {
            for (result, count) in store.checks { sample(&text, checks, store, "result", result, count) }
        }
        let connects: StaticString = "portcullis_store_connects_total"
        text.family(connects, .counter, help: "Attempts to get a connection to a store's server, by result.")
        for store in stores {
            sample(&text, connects, store, "result", "success", store.connects)
            sample(&text, connects, store, "result", "failure", store.connectFailures)
        }
        single(
            &text, "portcullis_store_openings_total", .counter,
            "How often an event loop gave a store up for a while."
        ) { $0.openings }
        let wait: StaticString = "portcullis_store_wait_seconds_total"
        text.family(wait, .counter, help: "How long answered checks have waited, together.")
        for store in stores {
            text.label("store", store.name)
            text.sample(wait, nanoseconds: store.waitedNanoseconds)
            text.clearLabels()
        }
    }

    private func single(
        _ text: inout PrometheusText, _ name: StaticString, _ kind: PrometheusText.Kind, _ help: StaticString,
        _ value: (StoreSample) -> UInt64
    ) {
        text.family(name, kind, help: help)
        for store in stores {
            text.label("store", store.name)
            text.sample(name, value(store))
            text.clearLabels()
        }
    }

    private func sample(
        _ text: inout PrometheusText, _ name: StaticString, _ store: StoreSample, _ label: StaticString,
        _ value: StaticString, _ count: UInt64
    ) {
        text.label("store", store.name)
        text.label(label, value)
        text.sample(name, count)
        text.clearLabels()
    }
}
