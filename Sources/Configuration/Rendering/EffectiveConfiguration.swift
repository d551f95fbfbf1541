import Base

/// The effective configuration for people: JSON, each value with where it comes from, and values that came out of
/// `${env:…}` or `${file:…}` masked.
package enum EffectiveConfiguration {
    /// What stands for a value that isn't shown.
    package static let mask = "********"

    /// One JSON object, indented. `"from"` is `file:line:column`, or `built in`.
    package static func json(_ configuration: GatewayConfiguration) -> String {
        var sink = JSONSink(configuration)
        sink.begin()
        ModelWalk.walk(configuration, &sink)
        return sink.finish()
    }
}

private struct JSONSink: ModelSink {
    private let files: SourceFiles
    private let secrets: Set<SourceLocation>
    private let digest: String
    private var text = ""
    private var depth = 0
    private var isFirst = true

    init(_ configuration: GatewayConfiguration) {
        files = configuration.files
        secrets = configuration.secrets
        digest = configuration.digest
    }

    mutating func begin() {
        open("{")
        key("digest")
        text += JSONString.quoted(digest)
    }

    mutating func finish() -> String {
        close("}")
        return text + "\n"
    }

    private mutating func open(_ bracket: String) {
        text += bracket
        depth += 1
        isFirst = true
    }

    private mutating func close(_ bracket: String) {
        depth -= 1
        if !isFirst { newLine() }
        text += bracket
        isFirst = false
    }

    private mutating func newLine() {
        text += "\n" + String(repeating: "  ", count: depth)
    }

    private mutating func item() {
        if !isFirst { text += "," }
        isFirst = false
        newLine()
    }

    private mutating func key(_ name: String) {
        item()
        text += JSONString.quoted(name) + ": "
    }

    private mutating func value(_ json: String, _ origin: Origin) {
        let isSecret = origin.location.map { secrets.contains($0) } ?? false
        let shown = isSecret ? JSONString.quoted(EffectiveConfiguration.mask) : json
        text += "{\"value\": \(shown), \"from\": \(JSONString.quoted(files.describe(origin)))}"
    }

    mutating func beginObject(_ name: StaticString) {
        key(name.description)
        open("{")
    }
    mutating func beginObject(named name: String) {
        key(name)
        open("{")
    }
    mutating func beginElement() {
        item()
        open("{")
    }
    mutating func endObject() { close("}") }
    mutating func beginList(_ name: StaticString) {
        key(name.description)
        open("[")
    }
    mutating func endList() { close("]") }
    mutating func integer(_ name: StaticString, _ number: Int, _ origin: Origin) {
        key(name.description)
        value(String(number), origin)
    }
    mutating func boolean(_ name: StaticString, _ flag: Bool, _ origin: Origin) {
        key(name.description)
        value(flag ? "true" : "false", origin)
    }
    mutating func duration(_ name: StaticString, _ amount: TimeAmount, _ origin: Origin) {
        key(name.description)
        value(JSONString.quoted(DurationFormat.text(amount)), origin)
    }
    mutating func text(_ name: StaticString, _ string: String, _ origin: Origin) {
        key(name.description)
        value(JSONString.quoted(string), origin)
    }
    mutating func text(named name: String, _ string: String, _ origin: Origin) {
        key(name)
        value(JSONString.quoted(string), origin)
    }
    mutating func secret(_ name: StaticString, _ bytes: [UInt8], _ origin: Origin) {
        text(name, EffectiveConfiguration.mask, origin)
    }
    mutating func element(_ string: String, _ origin: Origin) {
        item()
        value(JSONString.quoted(string), origin)
    }
    mutating func host(_ pattern: HostPattern, _ origin: Origin) { element(pattern.description, origin) }
    mutating func path(_ name: StaticString, _ template: PathTemplate, _ origin: Origin) {
        text(name, template.description, origin)
    }
    mutating func address(_ name: StaticString, _ address: IPEndpoint, _ origin: Origin) {
        text(name, address.description, origin)
    }
    mutating func network(_ network: CIDRBlock, _ origin: Origin) { element(network.description, origin) }
    mutating func target(_ host: TargetHost, port: UInt16, _ origin: Origin) {
        key("url")
        value(JSONString.quoted("http://\(host.authority(port: port))"), origin)
    }
}
