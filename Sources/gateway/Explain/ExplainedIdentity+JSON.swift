import Admin
import Configuration
import JOSE

extension ExplainedIdentity {
    /// For programs.
    func json(_ files: SourceFiles) -> JSONOutput {
        [
            "verdict": .string(trace.refusal == nil ? "proceed" : "refuse"),
            "code": .optional(trace.refusal.map { "\($0.code)" }),
            "signature_checked": .boolean(!trace.isSignatureUnchecked),
            "issuer": .optional(issuer),
            "subject": .string(trace.subject),
            "scopes": .strings(trace.scopes.split(separator: " ").map(String.init)),
            "spiffe_id": .string(trace.spiffeID),
            "tenant": .string(trace.tenant),
            "decisions": .array(
                decisions.map {
                    [
                        "plugin": .string($0.plugin.key), "name": .string($0.name), "outcome": .string($0.outcome.name),
                        "reason": .string($0.reason), "from": .string(files.describe($0.origin)),
                    ]
                }),
            "remarks": .strings(remarks),
            "upstream_headers": .strings(sentUpstream),
            "internal_token": trace.refusal == nil && internalClaims != nil
                ? ["header": internalHeader ?? .null, "claims": internalClaims ?? .null] : .null,
        ]
    }

    var internalHeader: JSONOutput? { trace.internalHeader.flatMap { JSONOutput(parsing: $0) } }
    var internalClaims: JSONOutput? { trace.internalClaims.flatMap { JSONOutput(parsing: $0) } }
}

extension JSONOutput {
    /// What a JSON text says; nil when it is none.
    init?(parsing text: String) {
        let document = JSONDocument()
        let read: JSONOutput? = text.withByteView { text in
            (try? document.read(text, limits: .claims)).map { JSONOutput($0) }
        }
        guard let read else { return nil }
        self = read
    }

    init(_ value: JSONValue) {
        switch value.kind {
        case .null: self = .null
        case .true: self = .boolean(true)
        case .false: self = .boolean(false)
        case .number: self = .number(value.raw.string)
        case .string: self = .string(value.text?.string ?? "")
        case .array: self = .array(value.elements.map { JSONOutput($0) })
        case .object: self = .object(value.members.map { ($0.name.string, JSONOutput($0.value)) })
        }
    }
}
