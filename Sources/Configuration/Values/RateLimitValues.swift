import Base

/// Rates and keys of rate limits as they are written.
enum RateLimitText {
    static let rateMax = 1_000_000
    static let burstMax = 10_000_000
    static let keysMax = 10_000_000
    static let keyForm =
        "`client_address`, `spiffe_id`, `tenant`, `claim.NAME`, `header.NAME`, `path.NAME`, `route`, `domain` or `gateway`"
    private static let plainParts: [RateLimitKeyPart] = [
        .clientAddress, .spiffeID, .tenant, .route, .domain, .gateway,
    ]

    static func part(_ text: ByteView) throws(Unfit) -> RateLimitKeyPart? {
        let written = text.string
        if let part = plainParts.first(where: { $0.text == written }) { return part }
        guard let dot = text.firstIndex(of: ASCII.dot) else { return nil }
        let name = text.from(dot + 1)
        switch text.prefix(dot).string {
        case "claim": return try ClaimText.path(name).map { .claim($0) }
        case "header" where HeaderText.isName(name):
            try HeaderText.checkReadable(name, identity: "spiffe_id")
            return .header(name.string.lowercased())
        case "path": return PathText.isParameterName(name) ? .pathParameter(name.string) : nil
        default: return nil
        }
    }

    /// What was probably meant.
    static func remedy(_ text: ByteView) -> String? {
        switch text.string {
        case "all", "global", "none": "did you mean `gateway`?"
        default:
            (RequestAttribute.meant(by: text.string)
                ?? Spelling.nearest(to: text.string, among: plainParts.map(\.text))).map { "did you mean `\($0)`?" }
        }
    }

    /// A period as it is written, for another spelling of it.
    static func unit(_ unit: String) -> String? {
        switch unit {
        case "sec", "second", "S": "s"
        case "m", "minute", "M": "min"
        case "hour", "hr", "H": "h"
        case "day", "D": "d"
        default: nil
        }
    }
}

extension ValueDecoder where Value == RequestRate {
    static var requestRate: ValueDecoder {
        let form = "a rate such as `100/s`, `600/min`, `1000/h` or `50000/d`, at most \(RateLimitText.rateMax)/s"
        return scalar(.text(form)) { text throws(Unfit) in
            guard let slash = text.firstIndex(of: ASCII.slash) else {
                if text.decimalValue() != nil { throw Unfit(suggestion: "did you mean `\(text.string)/s`?") }
                throw Unfit()
            }
            let unit = text.from(slash + 1).string
            guard let period = RatePeriod(rawValue: unit) else {
                throw Unfit(
                    expected: "a rate per \(ValueType.alternatives(RatePeriod.allCases.map(\.rawValue)))",
                    suggestion: QuantityRemedies.rate(text).map { "did you mean `\($0)`?" })
            }
            guard let count = text.prefix(slash).decimalValue() else {
                let better = QuantityRemedies.rate(text)
                throw Unfit(
                    expected: "\(form); the number is a whole one",
                    suggestion: better.map { "did you mean `\($0)`?" })
            }
            guard count > 0 else { throw Unfit() }
            guard count <= RateLimitText.rateMax * period.seconds else {
                throw Unfit(expected: "at most \(RateLimitText.rateMax)/s")
            }
            return RequestRate(count: count, period: period)
        }
    }
}

extension ValueDecoder where Value == RateLimitKeyPart {
    static var rateLimitKeyPart: ValueDecoder {
        scalar(.text(RateLimitText.keyForm)) { text throws(Unfit) in
            guard let part = try RateLimitText.part(text) else { throw Unfit(suggestion: RateLimitText.remedy(text)) }
            return part
        }
    }
}

extension ValueDecoder where Value == RequestCost {
    static var requestCost: ValueDecoder {
        let number = ValueDecoder<Int>.integer(0...RateLimitText.burstMax)
        let map = ValueDecoder<[Named<Int>]>.map("a method, or `default`", countMax: 32, number) { text throws(Unfit) in
            if text == "default" { return }
            let upper = text.string.uppercased()
            guard HeaderText.isName(text), text.count <= 32 else { throw Unfit() }
            guard upper == text.string else { throw Unfit(suggestion: "did you mean `\(upper)`?") }
        }
        return ValueDecoder(.either(number.type, map.type)) { node, file in
            guard file.nodes[node].kind == .mapping else {
                return number.decode(node, file).map { RequestCost(usual: $0, byMethod: []) }
            }
            guard let costs = map.decode(node, file) else { return nil }
            return RequestCost(
                usual: costs.first { $0.name == "default" }?.value ?? 1,
                byMethod: costs.filter { $0.name != "default" }.map { .init(method: $0.name, cost: $0.value) })
        }
    }
}
