import Base
import Linux

/// `portcullis health`: asks a running gateway whether it lives; what a container's health check calls.
package enum HealthCommand: Command {
    private static let standardEndpoint = "127.0.0.1:9901"
    private static let limit = TimeAmount.seconds(2)

    package static let syntax = CommandSyntax(
        "health", "ask a running gateway's admin listener whether it lives",
        options: [
            .init(
                name: "--admin", value: "ADDRESS:PORT",
                help: "where the admin listener is; \(standardEndpoint) unless given")
        ],
        details: "Exit status 0 when /livez answers 200 within 2 s, otherwise 1.")

    package static func run(_ arguments: ParsedArguments, _ console: Console) throws(UsageError) -> Int32 {
        let text = arguments.value("--admin") ?? standardEndpoint
        guard let endpoint = IPEndpoint(text: text) else {
            throw .invalidValue(of: "admin address", given: text, expected: "an address and a port, as 127.0.0.1:9901")
        }
        let request = "GET /livez HTTP/1.1\r\nHost: \(endpoint)\r\nConnection: close\r\n\r\n"
        do throws(Errno) {
            let response = try request.withByteView { bytes throws(Errno) in
                try exchangeBlocking(with: endpoint, request: bytes, responseBytesMax: 4096, within: limit)
            }
            let isHealthy = response.starts(with: "HTTP/1.1 200 ".utf8)
            console.print(isHealthy ? "ok\n" : "not ok: \(firstLine(response))\n")
            return isHealthy ? 0 : 1
        } catch {
            console.complain("portcullis health: no answer from \(endpoint): \(error)\n")
            return 1
        }
    }

    private static func firstLine(_ response: [UInt8]) -> String {
        let line = response.prefix { $0 != ASCII.cr && $0 != ASCII.lf }
        return line.isEmpty ? "no answer" : String(decoding: line, as: UTF8.self)
    }
}
