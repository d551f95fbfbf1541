import Admin
import Base
import Configuration
import JOSE
import Linux

/// `portcullis token DIR`: a token for trying a configuration out, signed with a test key of its issuer.
package enum TokenCommand: Command {
    private static let lifetimeMax = TimeAmount.seconds(24 * 3_600)

    package static let syntax = CommandSyntax(
        "token", "make a token of an issuer whose test key you have, to try routes with",
        arguments: [.folder],
        options: [
            .init(name: "--sub", value: "TEXT", help: "the subject: whom the token is about"),
            .init(name: "--scope", value: "'WORD WORD'", help: "its scopes"),
            .init(name: "--tenant", value: "TEXT", help: "its tenant, in the issuer's claim for it"),
            .init(
                name: "--claim", value: "NAME=TEXT", isRepeatable: true,
                help: "another claim; NAME:=JSON for what is no text; wins over what the other options say"),
            .init(
                name: "--audience", value: "TEXT", isRepeatable: true,
                help: "whom it is for; the issuer's first audience unless given"),
            .init(name: "--client", value: "TEXT", help: "the client that it was issued to"),
            .init(name: "--ttl", value: "DURATION", help: "how long it lives, 1s to 24h; 10m unless given"),
            .init(
                name: "--issuer", value: "NAME",
                help: "the issuer in gateway.yaml; unless given, the only one, or the one with a demo key"),
            .init(
                name: "--key", value: "FILE",
                help: "the issuer's private key, PEM or JWK; unless given, DIR/demo-keys/ISSUER.pem"),
            .format(["token", "json"]),
        ],
        details: """
            It signs with a key that you give, or with the demo's, which everybody has: put no issuer of demo-keys into
            a configuration that protects anything. A key that is not one of the issuer's jwks_file is refused, and so
            are the gateway's own signing keys.
            """,
        examples: [
            "portcullis token gateway.d --sub user@bank-a --claim user_id=12345 --tenant bank-a --scope 'read transfer'",
            "portcullis token gateway.d --sub ann --claim 'exp:=1' --claim 'roles:=[\"teller\"]' --format json",
        ])

    package static func run(_ arguments: ParsedArguments, _ console: Console) throws(UsageError) -> Int32 {
        let token = try token(arguments)
        let folder = arguments.argument("DIR")
        guard let blueprint = load(arguments, console)?.blueprint else { return 1 }
        let issuer = try issuer(arguments, folder: folder, in: blueprint.configuration)
        let now = SystemClock.wallNanoseconds() / 1_000_000_000
        let payload = try token.payload(by: issuer, now: now)
        let text: String
        do throws(TestTokenKey.Refusal) {
            let key = try TestTokenKey.load(arguments.value("--key"), for: issuer, folder: folder, in: blueprint)
            guard let signed = sign(payload, key, type: TestToken.type(issuer)) else {
                throw TestTokenKey.Refusal(reason: "the token can't be signed")
            }
            text = signed
        } catch {
            console.complain("portcullis token: \(error.reason)\n")
            return 1
        }
        console.print(arguments.value("--format") == "json" ? json(text) : text + "\n")
        return 0
    }

    private static func token(_ arguments: ParsedArguments) throws(UsageError) -> TestToken {
        var token = TestToken()
        token.subject = arguments.value("--sub")
        token.scope = arguments.value("--scope")
        token.tenant = arguments.value("--tenant")
        token.audiences = arguments.values("--audience")
        token.client = arguments.value("--client")
        for words in arguments.values("--claim") {
            let claim = try TestToken.Claim(words)
            if token.claims.contains(where: { $0.name == claim.name }) {
                throw .repeatedOption("--claim \(claim.name)")
            }
            token.claims.append(claim)
        }
        if let text = arguments.value("--ttl") {
            let second = TimeAmount.seconds(1)
            guard let given = text.withByteView({ DurationFormat.parse($0) }), given >= second, given <= lifetimeMax
            else { throw .invalidValue(of: "--ttl", given: text, expected: "a duration from 1s to 24h, such as 10m") }
            token.lifetime = given.nanoseconds / 1_000_000_000
        }
        return token
    }

    private static func issuer(
        _ arguments: ParsedArguments, folder: String, in configuration: GatewayConfiguration
    ) throws(UsageError) -> Issuer {
        let issuers = configuration.issuers
        let names = issuers.map { "`\($0.name)`" }.joined(separator: ", ")
        if let name = arguments.value("--issuer") {
            if let found = issuers.first(where: { $0.name == name }) { return found }
            throw .invalidValue(of: "issuer", given: name, expected: names.isEmpty ? "gateway.yaml to have one" : names)
        }
        if issuers.count == 1 { return issuers[0] }
        let withDemoKey = issuers.filter { issuer in
            realPath("\(folder)/\(TestTokenKey.demoFolder)/\(issuer.name).pem") != nil
        }
        if withDemoKey.count == 1 { return withDemoKey[0] }
        throw .missingOption("--issuer", expected: names.isEmpty ? "an issuer in gateway.yaml" : names)
    }

    private static func sign(_ payload: [UInt8], _ key: SigningKey, type: String) -> String? {
        var output = IOBuffer()
        guard let signer = try? TokenSigner(key, type: type) else { return nil }
        let isSigned = payload.withUnsafeBytes { bytes in (try? signer.sign(ByteView(bytes), to: &output)) != nil }
        return isSigned ? output.readable.string : nil
    }

    private static func json(_ token: String) -> String {
        let decoded = DecodedToken(token)
        let document: JSONOutput = [
            "token": .string(token), "header": decoded?.header ?? .null, "claims": decoded?.claims ?? .null,
        ]
        return document.text
    }
}
