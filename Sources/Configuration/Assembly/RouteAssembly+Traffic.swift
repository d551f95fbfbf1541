import Base

/// A route's retries, concurrency limit and split.
extension RouteAssembly {
    /// What a nearer place says of retries is laid over what holds farther away, key by key.
    func retries() -> RetryPolicy {
        let policy = domain.base.retries(for: draft.retries)
        domain.base.checkBackoff(draft.retries, file)
        if policy.further == nil, let place = draft.retries.firstFurther {
            file.warning(
                at: place, "without further attempts this has no effect", suggestion: "set `attempts_max` to 2 or more")
        }
        return policy
    }

    /// Nil after an error.
    func split(_ draft: SplitDraft, _ plugins: PluginSet) -> Split? {
        var sides: [Split.Side] = []
        for side in draft.sides {
            guard let upstream = side.value.upstream, let weight = side.value.weight,
                let place = upstream.origin.location
            else { return nil }
            guard let index = upstreamIndex(upstream) else { return nil }
            if sides.contains(where: { $0.upstreamName == upstream.value }) {
                file.error(
                    at: place, "the upstream `\(upstream.value)` is on two sides of the split",
                    expected: "each upstream once")
            }
            sides.append(Split.Side(upstream: index, upstreamName: upstream.value, weight: weight))
        }
        if sides.allSatisfy({ $0.weight.value == 0 }), let place = sides.first?.weight.origin.location {
            file.error(at: place, "all sides have weight 0", expected: "a side with a weight above 0")
        }
        if let key = draft.key { check(key, plugins) }
        return Split(sides: sides, key: draft.key)
    }

    private func check(_ key: Setting<SplitKey>, _ plugins: PluginSet) {
        let missing: String?
        switch key.value {
        case .clientAddress, .header, .cookie: missing = nil
        case .claim: missing = plugins.jwt == nil ? "jwt" : nil
        case .spiffeID, .tenant: missing = plugins.spiffe == nil ? "spiffe" : nil
        }
        guard let missing, let place = key.origin.location else { return }
        file.error(
            at: place, "the split's key needs the plugin `\(missing)`, which the route doesn't have",
            expected: "`\(missing)` under the route's `plugins`, or another key")
    }
}

extension RetriesDraft {
    /// This with the keys of a nearer place.
    func merged(with nearer: RetriesDraft) -> RetriesDraft {
        var merged = self
        merged.connectFailuresMax = nearer.connectFailuresMax ?? connectFailuresMax
        merged.staleConnection = nearer.staleConnection ?? staleConnection
        merged.attemptsMax = nearer.attemptsMax ?? attemptsMax
        merged.conditions = nearer.conditions ?? conditions
        merged.methods = nearer.methods ?? methods
        merged.perTryTimeout = nearer.perTryTimeout ?? perTryTimeout
        merged.backoffBase = nearer.backoffBase ?? backoffBase
        merged.backoffMax = nearer.backoffMax ?? backoffMax
        merged.bodyBytesMax = nearer.bodyBytesMax ?? bodyBytesMax
        merged.retryAfterMax = nearer.retryAfterMax ?? retryAfterMax
        return merged
    }

    var isEmpty: Bool {
        connectFailuresMax == nil && staleConnection == nil && attemptsMax == nil && firstFurther == nil
    }
}

extension RetryPolicy {
    init(_ draft: RetriesDraft) {
        connectFailuresMax = draft.connectFailuresMax ?? .builtIn(Defaults.connectFailuresMax)
        staleConnection = draft.staleConnection ?? .builtIn(Defaults.staleConnectionRetry)
        let attemptsMax = draft.attemptsMax ?? .builtIn(Defaults.attemptsMax)
        further = attemptsMax.value > 1 ? FurtherAttempts(draft, attemptsMax: attemptsMax) : nil
    }
}
