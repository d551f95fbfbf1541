import Base

extension ModelWalk {
    static func walkStores<Sink: ModelSink>(_ configuration: GatewayConfiguration, _ sink: inout Sink) {
        guard !configuration.stores.isEmpty else { return }
        sink.beginObject("stores")
        for store in configuration.stores {
            sink.beginObject(named: store.name)
            walk(store.redis, &sink)
            sink.endObject()
        }
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ redis: RedisStore, _ sink: inout Sink) {
        sink.beginObject("redis")
        walk(redis.addresses, &sink)
        if let sentinel = redis.sentinel {
            sink.beginObject("sentinel")
            sink.text("master", sentinel.master)
            walk(sentinel.addresses, &sink)
            walk(sentinel.credentials, &sink)
            sink.endObject()
        }
        walk(redis.credentials, &sink)
        sink.integer("database", redis.database)
        if let tls = redis.tls {
            sink.beginObject("tls")
            if let file = tls.authorities { sink.file("ca_file", file.value, file.origin) }
            if let name = tls.serverName { sink.text("server_name", name) }
            sink.endObject()
        }
        sink.text("prefix", redis.prefix)
        sink.duration("connect_timeout", redis.connectTimeout)
        sink.duration("timeout", redis.timeout)
        sink.integer("waiting_max", redis.waitingMax)
        sink.beginObject("breaker")
        sink.integer("failures", redis.breaker.failures)
        sink.duration("open_for", redis.breaker.openTime)
        sink.duration("open_for_max", redis.breaker.openTimeMax)
        sink.endObject()
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ addresses: [Setting<StoreAddress>], _ sink: inout Sink) {
        guard !addresses.isEmpty else { return }
        sink.beginList("addresses")
        for address in addresses { sink.element(address.value.description, address.origin) }
        sink.endList()
    }

    private static func walk<Sink: ModelSink>(_ credentials: StoreCredentials, _ sink: inout Sink) {
        if let username = credentials.username { sink.text("username", username) }
        if let password = credentials.password { sink.secret("password", Array(password.value.utf8), password.origin) }
    }
}
