import Base

/// A circuit breaker at the moment of a scrape.
package struct BreakerSample: Sendable {
    package enum State: UInt64, Sendable {
        case closed = 0
        case halfOpen = 1
        case open = 2
        case recovering = 3
    }

    package var state: State
    package var openings: UInt64
    package var probes: UInt64
    package var suppressed: UInt64

    package init(state: State, openings: UInt64, probes: UInt64, suppressed: UInt64) {
        self.state = state
        self.openings = openings
        self.probes = probes
        self.suppressed = suppressed
    }
}

/// A target at the moment of a scrape.
package struct TargetSample: Sendable {
    package struct Check: Sendable {
        package var isUp: Bool
        package var passed: UInt64
        package var failed: UInt64

        package init(isUp: Bool, passed: UInt64, failed: UInt64) {
            self.isUp = isUp
            self.passed = passed
            self.failed = failed
        }
    }

    package let target: String
    /// Nil without one.
    package var breaker: BreakerSample?
    /// Nil when it isn't checked.
    package var check: Check?

    package init(target: String) { self.target = target }
}

/// An upstream that breakers or health checks watch over, at the moment of a scrape.
package struct UpstreamHealthSample: Sendable {
    /// `domain/upstream`.
    package let name: String
    /// Nil without one.
    package var breaker: BreakerSample?
    package var targets: [TargetSample] = []

    package init(name: String) { self.name = name }
}

/// The families of breakers and health checks. Labels are names of the configuration.
struct UpstreamHealthFamilies {
    let upstreams: [UpstreamHealthSample]

    func render(_ text: inout PrometheusText) {
        guard !upstreams.isEmpty else { return }
        breakers(
            &text, "portcullis_circuit_breaker_state", .gauge,
            "0: closed; 1: half open; 2: open; 3: recovering. Without a target: the upstream's own."
        ) { $0.state.rawValue }
        breakers(&text, "portcullis_circuit_breaker_openings_total", .counter, "Times that a circuit breaker opened.") {
            $0.openings
        }
        breakers(
            &text, "portcullis_circuit_breaker_probes_total", .counter,
            "Requests that were let through to find out whether a target is well again."
        ) { $0.probes }
        breakers(
            &text, "portcullis_circuit_breaker_suppressed_total", .counter,
            "Failures that should have taken a target out, but too many were out."
        ) { $0.suppressed }
        checks(&text)
    }

    private func breakers(
        _ text: inout PrometheusText, _ name: StaticString, _ kind: PrometheusText.Kind, _ help: StaticString,
        _ value: (BreakerSample) -> UInt64
    ) {
        let isAny = upstreams.contains { $0.breaker != nil || $0.targets.contains { $0.breaker != nil } }
        guard isAny else { return }
        text.family(name, kind, help: help)
        for upstream in upstreams {
            if let breaker = upstream.breaker { sample(&text, name, upstream.name, "", value(breaker)) }
            for target in upstream.targets {
                guard let breaker = target.breaker else { continue }
                sample(&text, name, upstream.name, target.target, value(breaker))
            }
        }
    }

    private func checks(_ text: inout PrometheusText) {
        guard upstreams.contains(where: { $0.targets.contains { $0.check != nil } }) else { return }
        let up: StaticString = "portcullis_upstream_target_up"
        text.family(up, .gauge, help: "Whether health checks find a target up.")
        for (upstream, target, check) in checked { sample(&text, up, upstream, target, check.isUp ? 1 : 0) }
        let total: StaticString = "portcullis_health_checks_total"
        text.family(total, .counter, help: "Health checks, by result.")
        for (upstream, target, check) in checked {
            for (result, count) in [("passed", check.passed), ("failed", check.failed)] as [(StaticString, UInt64)] {
                text.label("upstream", upstream)
                text.label("target", target)
                text.label("result", result)
                text.sample(total, count)
                text.clearLabels()
            }
        }
    }

    private var checked: [(String, String, TargetSample.Check)] {
        upstreams.flatMap { upstream in
            upstream.targets.compactMap { target in target.check.map { (upstream.name, target.target, $0) } }
        }
    }

    private func sample(
        _ text: inout PrometheusText, _ name: StaticString, _ upstream: String, _ target: String, _ value: UInt64
    ) {
        text.label("upstream", upstream)
        text.label("target", target)
        text.sample(name, value)
        text.clearLabels()
    }
}
