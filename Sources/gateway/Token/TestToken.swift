import Base
import Configuration
import JOSE

/// The claims of a test token: what a good token of the issuer says, and what somebody wants it to say.
struct TestToken {
    /// A claim that was given in words.
    struct Claim {
        let name: String
        /// JSON for `NAME:=JSON`; nil when the value is a text.
        let json: [UInt8]?
        let text: String

        /// `NAME=TEXT` or `NAME:=JSON`.
        init(_ words: String) throws(UsageError) {
            let expected = "NAME=TEXT, or NAME:=JSON for what is no text"
            guard let equals = words.firstIndex(of: "=") else {
                throw .invalidValue(of: "claim", given: words, expected: expected)
            }
            let before = words[..<equals]
            let isJSON = before.hasSuffix(":")
            name = String(isJSON ? before.dropLast() : before)
            text = String(words[words.index(after: equals)...])
            if name.isEmpty { throw .invalidValue(of: "claim", given: words, expected: expected) }
            guard isJSON else {
                json = nil
                return
            }
            let document = JSONDocument()
            let problem = text.withByteView { text -> JSONError? in
                do throws(JSONError) {
                    _ = try document.read(text, limits: .claims)
                    return nil
                } catch {
                    return error
                }
            }
            if let problem {
                throw .invalidValue(of: "claim", given: words, expected: "JSON behind `:=`: \(problem.text)")
            }
            json = Array(text.utf8)
        }
    }

    var subject: String?
    var scope: String?
    var tenant: String?
    /// Empty for the issuer's first.
    var audiences: [String] = []
    var client: String?
    /// Seconds.
    var lifetime: Int64 = 600
    /// These win over everything else.
    var claims: [Claim] = []

    /// The `typ` that the issuer's tokens have.
    static func type(_ issuer: Issuer) -> String {
        let first = issuer.types.first?.value ?? "jwt"
        return issuer.types.contains { $0.value == "jwt" } ? "JWT" : first
    }

    /// The claims as JSON.
    func payload(by issuer: Issuer, now: Int64) throws(UsageError) -> [UInt8] {
        let writer = ClaimsWriter()
        writer.begin()
        var taken = Set(claims.map(\.name))
        func isFree(_ name: String) -> Bool { taken.insert(name).inserted }
        func write(_ name: String, _ value: String?) {
            guard let value, isFree(name) else { return }
            name.withByteView { name in value.withByteView { writer.text(name, $0) } }
        }
        write("iss", issuer.issuer.value)
        write(try Self.name(issuer.claims.subject.value, of: "--sub"), subject)
        let audiences = audiences.isEmpty ? issuer.audiences.prefix(1).map(\.value) : audiences
        if audiences.count == 1 { write("aud", audiences[0]) }
        if audiences.count > 1, isFree("aud") {
            writer.beginArray("aud")
            for audience in audiences { audience.withByteView { writer.element($0) } }
            writer.endArray()
        }
        if let client = client ?? issuer.authorizedParties.first?.value {
            write(try Self.name(issuer.claims.client.value, of: "--client"), client)
        }
        if isFree("iat") { writer.integer("iat", now) }
        if isFree("exp") { writer.integer("exp", now + lifetime) }
        if let scope, let path = issuer.claims.scope.first {
            write(try Self.name(path.value, of: "--scope"), scope)
        }
        if let tenant {
            guard let path = issuer.claims.tenant else {
                throw .invalidValue(
                    of: "option here", given: "--tenant", expected: "an issuer with a claim for tenants")
            }
            write(try Self.name(path.value, of: "--tenant"), tenant)
        }
        for claim in claims {
            claim.name.withByteView { name in
                if let json = claim.json {
                    json.withUnsafeBytes { writer.raw(name, ByteView($0)) }
                } else {
                    claim.text.withByteView { writer.text(name, $0) }
                }
            }
        }
        return Array(writer.finish().raw)
    }

    /// The name of a claim at the top level, where an option can put it.
    private static func name(_ path: ClaimPath, of option: String) throws(UsageError) -> String {
        if path.names.count == 1 { return path.names[0] }
        throw .invalidValue(
            of: "option here", given: option, expected: "--claim '\(path.names[0]):={…}', as the claim is a nested one")
    }
}
