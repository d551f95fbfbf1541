import Base

struct SplitDraft: Sendable, Equatable {
    var sides: [Setting<SplitSideDraft>] = []
    var key: Setting<SplitKey>?
}

struct SplitSideDraft: Sendable, Equatable {
    var upstream: Setting<String>?
    var weight: Setting<Int>?
}

struct SplitKeyDraft {
    var header: Setting<String>?
    var cookie: Setting<String>?
    var claim: Setting<ClaimPath>?
}

/// The keys of a route's `split`.
enum SplitSections {
    fileprivate static let split = Section(
        "Divides the route's requests between upstreams.", draft: { SplitDraft() },
        keys: [
            Key("upstreams", sides, required: true, "The upstreams and their weights.") { $0.sides = $1.value },
            Key(
                "key", .splitKey, default: "none: by chance",
                "What decides, so that one caller stays on one side, over loops, processes and reloads. When a weight changes, only callers that come to that upstream or leave it move. A request without the key goes by chance."
            ) { $0.key = $1 },
        ])

    fileprivate static let sides = ValueDecoder<[Setting<SplitSideDraft>]>.list(.section(side), countMax: 16)

    private static let side = Section(
        "One side of a split.", draft: { SplitSideDraft() },
        keys: [
            Key("upstream", .name, required: true, "The upstream.") { $0.upstream = $1 },
            Key("weight", .integer(0...10_000), required: true, "Its share; 0 takes nobody.") { $0.weight = $1 },
        ])

    fileprivate static let splitKey = Section(
        "What decides: one of the keys.", draft: { SplitKeyDraft() },
        keys: [
            Key("header", .readableHeaderName(identity: "spiffe_id"), "The value of a request header.") {
                $0.header = $1
            },
            Key("cookie", .headerName, "The value of a cookie.") { $0.cookie = $1 },
            Key("claim", .claimPath, "The value of a claim; needs `jwt`.") { $0.claim = $1 },
        ])
}

extension ValueDecoder where Value == SplitDraft {
    /// A list of sides, or a mapping with it and the key.
    static var split: ValueDecoder {
        let sides = SplitSections.sides
        let section = SplitSections.split
        return ValueDecoder(.either(sides.type, .section(section.description))) { node, file in
            if file.nodes[node].kind == .mapping {
                guard let draft = section.decode(node, file), !draft.sides.isEmpty else { return nil }
                return draft
            }
            return sides.decode(node, file).map { SplitDraft(sides: $0) }
        }
    }
}

extension ValueDecoder where Value == SplitKey {
    fileprivate static var splitKey: ValueDecoder {
        let section = SplitSections.splitKey
        let words: [(String, SplitKey)] = [
            ("client_address", .clientAddress), ("spiffe_id", .spiffeID), ("tenant", .tenant),
        ]
        let type = ValueType.either(.choice(words.map(\.0)), .section(section.description))
        return ValueDecoder(type) { node, file in
            guard file.nodes[node].kind == .mapping else {
                let written = file.document.bytes(node)
                if file.nodes[node].kind == .scalar, let found = words.first(where: { written.string == $0.0 }) {
                    return found.1
                }
                file.unexpected(
                    node,
                    expected:
                        "`client_address`, `spiffe_id`, `tenant`, `{header: NAME}`, `{cookie: NAME}` or `{claim: NAME}`"
                )
                return nil
            }
            guard let draft = section.decode(node, file) else { return nil }
            switch (draft.header, draft.cookie, draft.claim) {
            case (let header?, nil, nil): return .header(header.value)
            case (nil, let cookie?, nil): return .cookie(cookie.value)
            case (nil, nil, let claim?): return .claim(claim.value)
            default:
                file.unexpected(node, expected: "exactly one of `header`, `cookie` and `claim`")
                return nil
            }
        }
    }
}
