import Base

/// The keys of gateway.yaml's `stores`.
enum StoreSections {
    static let store = Section(
        "A store that replicas of the gateway share.", draft: { StoreDraft() },
        keys: [
            .part("redis", .section(redis), required: true, "Redis, Valkey, or what else speaks their protocol.") {
                draft, value, _, node in draft.redis = (value, node)
            }
        ])

    private static let redis = Section(
        "A server, or several of which one is the master: `addresses` or `sentinel`.", draft: { RedisDraft() },
        keys: serverKeys + useKeys)

    private static let serverKeys: [Key<RedisDraft>] = [
        Key(
            "addresses", .list(.storeAddress(port: 6_379), countMax: 16),
            "Servers as `host`, `host:port` or `[address]:port`; tried in this order until one says that it is a master."
        ) { $0.addresses = $1.value },
        .part("sentinel", .section(sentinel), "Sentinels, who say where the master is.") { draft, value, _, node in
            draft.sentinel = (value, node)
        },
        Key("username", .plainText("a user's name", bytesMax: 256), default: "the default user", "A user of its ACL.") {
            $0.username = $1
        },
        Key("password", .password, default: "none", "Only as `${env:NAME}` or `${file:path}`.") { $0.password = $1 },
        Key("database", .integer(0...65_535), default: "0", "The number of the database.") { $0.database = $1 },
        .part("tls", .section(tls), default: "none", "TLS to the servers, Sentinels included; `{}` for the defaults.") {
            draft, value, _, _ in draft.tls = value
        },
        Key(
            "prefix", .text("a text", bytesMax: 128), default: Defaults.storePrefix,
            "What all keys begin with. Replicas that shall share have the same one."
        ) { $0.prefix = $1 },
    ]

    private static let useKeys: [Key<RedisDraft>] = [
        Key(
            "connect_timeout", .duration(.milliseconds(10) ... .seconds(60)),
            default: DurationFormat.text(Defaults.storeConnectTimeout),
            "How long connecting, TLS and the greeting may take together."
        ) { $0.connectTimeout = $1 },
        Key(
            "timeout", .duration(.milliseconds(1) ... .seconds(10)),
            default: DurationFormat.text(Defaults.storeTimeout),
            "How long a request waits for an answer, rounded up to 17ms or 34ms at most beyond."
        ) { $0.timeout = $1 },
        Key(
            "waiting_max", .integer(1...16_384), default: "\(Defaults.storeWaitingMax)",
            "Requests of one loop that may wait for answers at a time."
        ) { $0.waitingMax = $1 },
        .part("breaker", .section(breaker), "When the store counts as gone.") { draft, value, _, _ in
            draft.breaker = value
        },
    ]

    private static let sentinel = Section(
        "Sentinels.", draft: { SentinelDraft() },
        keys: [
            Key("master", .plainText("a master's name", bytesMax: 256), required: true, "What they call the master.") {
                $0.master = $1
            },
            Key(
                "addresses", .list(.storeAddress(port: 26_379), countMax: 16), required: true,
                "Where they are; tried in this order."
            ) { $0.addresses = $1.value },
            Key(
                "username", .plainText("a user's name", bytesMax: 256), default: "the default user", "A user of theirs."
            ) {
                $0.username = $1
            },
            Key("password", .password, default: "none", "Theirs; only as `${env:NAME}` or `${file:path}`.") {
                $0.password = $1
            },
        ])

    private static let tls = Section(
        "How servers prove who they are.", draft: { StoreTLSDraft() },
        keys: [
            Key(
                "ca_file", .filePath, default: "the system's roots",
                "Certificates (PEM) that they are verified against."
            ) {
                $0.authorities = $1
            },
            Key(
                "server_name", .plainText("a host name", bytesMax: 253), default: "the address's own",
                "The name that their certificates must be for."
            ) { $0.serverName = $1 },
        ])

    private static let breaker = Section(
        "After so many failed checks in a row a loop asks the store no more: limits take their `on_failure` at once. When the time is over the loop tries the store with checks of its own.",
        draft: { StoreBreakerDraft() },
        keys: [
            Key("failures", .integer(1...10_000), default: "\(Defaults.storeFailures)", "Failed checks in a row.") {
                $0.failures = $1
            },
            Key(
                "open_for", .duration(.milliseconds(100) ... .seconds(3_600)),
                default: DurationFormat.text(Defaults.storeOpenTime), "How long the store is left alone at first."
            ) { $0.openTime = $1 },
            Key(
                "open_for_max", .duration(.milliseconds(100) ... .seconds(3_600)),
                default: DurationFormat.text(Defaults.storeOpenTimeMax),
                "The most that this grows to: it doubles while the store isn't well."
            ) { $0.openTimeMax = $1 },
        ])
}

/// What gateway.yaml says about a store.
struct StoreDraft {
    var redis: (draft: RedisDraft, node: Int)?
}

struct RedisDraft {
    var addresses: [Setting<StoreAddress>]?
    var sentinel: (draft: SentinelDraft, node: Int)?
    var username: Setting<String>?
    var password: Setting<String>?
    var database: Setting<Int>?
    var tls: StoreTLSDraft?
    var prefix: Setting<String>?
    var connectTimeout: Setting<TimeAmount>?
    var timeout: Setting<TimeAmount>?
    var waitingMax: Setting<Int>?
    var breaker = StoreBreakerDraft()
}

struct SentinelDraft {
    var master: Setting<String>?
    var addresses: [Setting<StoreAddress>]?
    var username: Setting<String>?
    var password: Setting<String>?
}

struct StoreTLSDraft {
    var authorities: Setting<String>?
    var serverName: Setting<String>?
}

struct StoreBreakerDraft {
    var failures: Setting<Int>?
    var openTime: Setting<TimeAmount>?
    var openTimeMax: Setting<TimeAmount>?
}

extension ValueDecoder where Value == StoreAddress {
    /// - Parameter port: where none is written.
    static func storeAddress(port usual: UInt16) -> ValueDecoder {
        scalar(.text("a server such as `redis-1.internal`, `10.1.0.11:\(usual)` or `[2001:db8::1]:\(usual)`")) {
            text throws(Unfit) in
            if text.firstIndex(of: ASCII.slash) != nil { throw Unfit(suggestion: "write host and port alone") }
            var host = text
            var port = usual
            var colon = text.count - 1
            while colon >= 0, ASCII.isDigit(text[colon]) { colon -= 1 }
            if colon >= 0, text[colon] == ASCII.colon {
                guard let number = text.from(colon + 1).decimalValue(), (1...65_535).contains(number) else {
                    throw Unfit(expected: "a port from 1 to 65535")
                }
                port = UInt16(number)
                host = text.prefix(colon)
            }
            if host.count > 2, host[0] == ASCII.openBracket, host[host.count - 1] == ASCII.closeBracket {
                guard let address = IPAddress(text: host[1..<host.count - 1]), !address.isIPv4 else { throw Unfit() }
                return StoreAddress(host: .address(address), port: port)
            }
            if let address = IPAddress(text: host), address.isIPv4 {
                return StoreAddress(host: .address(address), port: port)
            }
            guard let name = HostText.host(host) else { throw Unfit() }
            return StoreAddress(host: .name(name), port: port)
        }
    }
}

extension ValueDecoder where Value == String {
    /// What must not stand in the file itself.
    fileprivate static var password: ValueDecoder {
        let form = "`${env:NAME}` or `${file:path}`, which leads to the password"
        return ValueDecoder(.text(form)) { node, file in
            let text = ValueDecoder.scalar(.text(form)) { text throws(Unfit) in
                guard (1...1_024).contains(text.count), text.firstIndex(of: 0) == nil else {
                    throw Unfit(expected: "a password of 1 to 1024 bytes without NUL")
                }
                return text.string
            }
            let isReference = file.document.hasSecrets && file.document.holdsSecret(node)
            let entry = file.nodes[node]
            if entry.kind == .scalar, !entry.flags.contains(.failed), !file.isNull(node), !isReference {
                file.error(node, "the password stands in the file itself", expected: form)
                return nil
            }
            return text.decode(node, file)
        }
    }
}
