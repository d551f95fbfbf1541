import Admin
import Base
import Configuration

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
            .format(["human", "json"]),
        ],
        details: """
            Nothing is sent anywhere. The client is taken for one that is not among trusted_proxies.
            Exit status 1 when no route takes the request: the answer is then what a client would get.
            """,
        examples: [
            "portcullis explain gateway.d GET http://shop.localhost:8080/products/7",
            "portcullis explain gateway.d GET http://shop.localhost/cart --header 'X-Canary: always' --format json",
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
        guard let blueprint = load(arguments, console)?.blueprint else { return 1 }
        let explanation = try Explanation(
            request, listenerName: arguments.value("--listener"), client: client, in: blueprint)
        console.print(arguments.value("--format") == "json" ? explanation.json.text : explanation.text)
        return explanation.isServed ? 0 : 1
    }
}
