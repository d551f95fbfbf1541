import Base
import Configuration
import Testing

@Suite struct ClaimNameTests {
    private static let colons = [
        ("jwt: {issuer: corporate}", "jwt: {issuer: corporate, claims: {\"urn:x:y.z\": {present: false}}}"),
        (
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {rules: [{when: {\"urn:x:y.z\": {present: false}}, id: \"spiffe://bank-a/user/{claim.sub}\"}]}"
        ),
        ("{claim.user_id}", "{claim.urn:x:y.z}"), ("{claim.user_id}", "{claim.urn:x:y.z|escape}"),
        ("user_id}\"}", "user_id}\", tenant: \"{claim.urn:x:y.z}\"}"),
        ("jwt: {issuer: corporate}", "jwt: {issuer: corporate}\n  rate_limit: {rate: 1/s, key: \"claim.urn:x:y.z\"}"),
        (
            "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate}\n  rate_limit: {rate: 1/s, exempt: {claims: {\"urn:x:y.z\": a}}}"
        ),
        (
            "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate}\n  response_transform: {headers: {set: {X-A: \"{claim.urn:x:y.z}\"}}}"
        ),
    ]

    private static let expected =
        "expected a JSON Pointer for a claim with a colon and dots: `/urn:x:y.z` is one name, `/urn:x:y/z` leads into objects; did you mean `/urn:x:y.z`?"

    @Test(
        "a name with a colon and dots is refused wherever a claim can stand: it might be meant as one name",
        arguments: colons)
    func refused(old: String, new: String) {
        var folder = IdentityFolder()
        folder.bank = folder.bank.replacing(old, with: new)
        let said = findings(folder.load())
        #expect(said.count == 1 && said.allSatisfy { $0.contains(Self.expected) }, "\(said)")
    }

    @Test(
        "the same among an issuer's claims",
        arguments: ["subject: urn:x:y.z", "scope: [urn:x:y.z]", "tenant: urn:x:y.z"])
    func issuer(claim: String) {
        var folder = IdentityFolder()
        folder.gateway = folder.gateway.replacing(
            "audiences: [bank-api]", with: "audiences: [bank-api]\n    claims: {\(claim)}")
        let said = findings(folder.load())
        #expect(said.count == 1 && said.allSatisfy { $0.contains(Self.expected) }, "\(said)")
    }

    @Test(
        "what is one name, and what leads into objects",
        arguments: [
            ("sub", ["sub"]), ("realm_access.roles", ["realm_access", "roles"]), ("urn:x:y", ["urn:x:y"]),
            ("https://example.com/a.b", ["https://example.com/a.b"]), ("/urn:x:y.z", ["urn:x:y.z"]),
            ("/urn:x:y/z", ["urn:x:y", "z"]), ("/com.example~1roles/0", ["com.example/roles", "0"]),
        ])
    func names(text: String, names: [String]) throws {
        var folder = IdentityFolder()
        folder.bank = folder.bank.replacing(
            "jwt: {issuer: corporate}", with: "jwt: {issuer: corporate, claims: {\"\(text)\": {present: true}}}")
        let conditions = try folder.configuration().domains[0].routes[0].plugins.jwt?.claims
        #expect(conditions?.map(\.path.names) == [names])
        #expect(conditions?.first?.path.description == text)
    }
}
