import Base

/// Turns what gateway.yaml says about a store into the store.
struct StoreAssembly {
    let named: Named<StoreDraft>
    let file: FileDecoder
    let files: ReferencedFiles

    /// Nil after an error.
    func store() -> SharedStore? {
        guard let (draft, node) = named.value.redis else { return nil }
        checkServers(node)
        let sentinel = draft.sentinel.flatMap { makeSentinel($0.draft) }
        let tls = draft.tls.map { makeTLS($0) }
        let redis = RedisStore(
            addresses: draft.addresses ?? [], sentinel: sentinel,
            credentials: credentials(draft.username, draft.password, in: node),
            database: draft.database ?? .builtIn(0), tls: tls,
            prefix: draft.prefix ?? .builtIn(Defaults.storePrefix),
            connectTimeout: draft.connectTimeout ?? .builtIn(Defaults.storeConnectTimeout),
            timeout: draft.timeout ?? .builtIn(Defaults.storeTimeout),
            waitingMax: draft.waitingMax ?? .builtIn(Defaults.storeWaitingMax), breaker: makeBreaker(draft.breaker))
        return SharedStore(name: named.name, redis: redis, location: file.location(named.key))
    }

    private func makeTLS(_ draft: StoreTLSDraft) -> StoreTLS {
        var authorities: Setting<ReferencedFile>?
        if let path = draft.authorities { authorities = files.file(path, file) }
        return StoreTLS(authorities: authorities, serverName: draft.serverName)
    }

    private func checkServers(_ node: Int) {
        let addresses = file.key("addresses", in: node)
        let sentinel = file.key("sentinel", in: node)
        if let addresses, let sentinel {
            file.error(
                max(addresses, sentinel), "there are both `addresses` and `sentinel`",
                expected: "`addresses` of servers, or `sentinel`, which finds the master")
        }
        if addresses == nil, sentinel == nil, !file.holdsUnknownKey(node) {
            file.error(named.key, "nothing says where the servers are", expected: "`addresses` or `sentinel`")
        }
    }

    private func makeSentinel(_ draft: SentinelDraft) -> RedisSentinel? {
        guard let master = draft.master, let addresses = draft.addresses else { return nil }
        return RedisSentinel(
            master: master, addresses: addresses, credentials: credentials(draft.username, draft.password, in: nil))
    }

    private func credentials(
        _ username: Setting<String>?, _ password: Setting<String>?, in node: Int?
    ) -> StoreCredentials {
        let isPasswordWritten = node.map { file.key("password", in: $0) != nil } ?? false
        if let username, password == nil, !isPasswordWritten, let place = username.origin.location {
            file.error(at: place, "`username` without `password`", expected: "both, or neither")
        }
        return StoreCredentials(username: username, password: password)
    }

    private func makeBreaker(_ draft: StoreBreakerDraft) -> StoreBreaker {
        let first = draft.openTime ?? .builtIn(Defaults.storeOpenTime)
        let most = draft.openTimeMax ?? .builtIn(max(Defaults.storeOpenTimeMax, first.value))
        if most.value < first.value, let place = most.origin.location {
            file.error(
                at: place,
                "`open_for_max` (\(DurationFormat.text(most.value))) is below `open_for` (\(DurationFormat.text(first.value)))"
            )
        }
        return StoreBreaker(
            failures: draft.failures ?? .builtIn(Defaults.storeFailures), openTime: first, openTimeMax: most)
    }
}
