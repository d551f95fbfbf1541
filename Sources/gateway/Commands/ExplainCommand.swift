import Admin
import Base
import Configuration
import JOSE
import Linux
import Proxy

/// `portcullis explain DIR METHOD URL`: what would become of a request, and why.
package enum ExplainCommand: Command {
    package static let syntax = CommandSyntax(
        "explain", "tell what would become of a request: its route, why not others, the pipeline, the upstream",
        arguments: [
            .folder, .init(name: "METHOD", help: "the request's method"),
            .init(name: "URL", help: "the request's URL, as a client has it"),
        ],
        options: [
            .init(
                name: "--header", value: "'NAME: VALUE'", isRepeatable: true,
                help: "a header of the request; a Host stands in for the URL's"),
            .init(
                name: "--listener", value: "NAME",
                help: "where it comes in; unless given, by the URL's port, else where a route takes it"),
            .init(
                name: "--client", value: "ADDRESS",
                help: "whom ip_restriction sees; unless given, that step lets the request through"),
            .init(
                name: "--token", value: "TOKEN",
                help: "the caller's token: @FILE or - (standard input) keeps it out of sight of other users"),
            .init(
                name: "--claims", value: "JSON",
                help: "claims as if a token of the issuer held them; @FILE and - as above"),
            .init(
                name: "--issuer", value: "NAME",
                help: "the issuer whose --claims or --jwks are meant; unless given, the route's first, or all"),
            .init(
                name: "--jwks", value: "FILE",
                help: "keys (JWK set or PEM) of an issuer whose own would have to be fetched"),
            .format(["human", "json"]),
        ],
        details: """
            Nothing is sent anywhere, and the token is never shown. The client is taken for one that is not among
            trusted_proxies. Each decision of the identity plugins is told with its reason and the place of its setting;
            keys come from files and shared secrets alone, and where there are none the signature counts as unchecked.
            Exit status 1 when no route takes the request or the gateway refuses it: the answer is then what a client
            would get.
            """,
        examples: [
            "portcullis explain gateway.d GET http://shop.localhost:8080/products/7",
            "portcullis explain gateway.d GET http://shop.localhost/cart --header 'X-Canary: always' --format json",
            "portcullis explain gateway.d GET http://bank-a.localhost/accounts/7 --token @token.txt",
            "portcullis explain gateway.d GET http://bank-a.localhost/accounts/7 --claims '{\"sub\":\"ann\"}'",
        ])

    package static func run(_ arguments: ParsedArguments, _ console: Console) throws(UsageError) -> Int32 {
        let request = try SampleRequest(
            method: arguments.argument("METHOD"), url: arguments.argument("URL"), headers: arguments.values("--header"))
        var client: IPAddress?
        if let text = arguments.value("--client") {
            guard let address = text.withByteView({ IPAddress(text: $0) }) else {
                throw .invalidValue(of: "client address", given: text, expected: "an IPv4 or IPv6 address")
            }
            client = address
        }
        let credential = try credential(arguments)
        let keys = try keys(arguments)
        guard let checked = load(arguments, console), let blueprint = checked.blueprint else { return 1 }
        let issuer = arguments.value("--issuer")
        let issuers = blueprint.configuration.issuers.map(\.name)
        if let issuer, !issuers.contains(issuer) {
            throw .invalidValue(
                of: "issuer", given: issuer, expected: issuers.map { "`\($0)`" }.joined(separator: ", "))
        }
        let now = WallTime(nanoseconds: SystemClock.wallNanoseconds())
        let explanation = try Explanation(
            request, listenerName: arguments.value("--listener"), client: client,
            caller: CallerQuestion(credential, issuer: issuer, keys: keys, now: now), in: blueprint,
            hiding: checked.referenced)
        console.print(arguments.value("--format") == "json" ? explanation.json.text : explanation.text)
        return explanation.isServed ? 0 : 1
    }

    private static func credential(_ arguments: ParsedArguments) throws(UsageError) -> CallerQuestion.Credential {
        if let text = arguments.value("--token") {
            if arguments.has("--claims") { throw .conflictingOptions("--token", "--claims") }
            return .token(GivenText.token(try GivenText.bytes(text, of: "token")))
        }
        guard let text = arguments.value("--claims") else { return .none }
        let claims = try GivenText.bytes(text, of: "claims")
        let problem = GivenText.problem(inClaims: claims)
        if let problem { throw .invalidValue(of: "JSON object of claims", given: text, expected: problem) }
        return .claims(claims)
    }

    private static func keys(_ arguments: ParsedArguments) throws(UsageError) -> KeySet? {
        guard let path = arguments.value("--jwks") else { return nil }
        let content = try GivenText.bytes("@\(path)", of: "key set")
        do throws(KeySetProblem) {
            return try KeySet.judged(file: content)
        } catch {
            throw .invalidValue(of: "key set", given: path, expected: error.description)
        }
    }
}
