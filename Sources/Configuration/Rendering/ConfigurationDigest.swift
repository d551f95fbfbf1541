import Base
import COpenSSL

/// The digest that decides whether a reload changes anything: SHA-256 over the effective values in a form of its own,
/// in which neither formatting nor places nor the order of keys inside a section show.
enum ConfigurationDigest {
    /// 64 lower-case hexadecimal digits.
    static func digest(of configuration: GatewayConfiguration) -> String {
        var sink = DigestSink()
        ModelWalk.walk(configuration, &sink)
        return sink.finish()
    }
}

/// Writes each value with its kind and, where it varies, its length, so that no two configurations have one form.
private struct DigestSink: ModelSink {
    private var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(256 * 1024) }

    mutating func finish() -> String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        let outcome = EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha256(), nil)
        precondition(outcome == 1, "SHA-256 is always there")
        var text = ""
        for byte in digest.prefix(Int(count)) {
            text += byte < 16 ? "0" : ""
            text += String(byte, radix: 16)
        }
        return text
    }

    private mutating func put(_ key: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
        bytes.append(0)
    }

    private mutating func put(_ text: String) {
        put(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func put(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func beginObject(_ key: StaticString) {
        bytes.append(0x7b)
        put(key)
    }
    mutating func beginObject(named key: String) {
        bytes.append(0x28)
        put(key)
    }
    mutating func beginElement() { bytes.append(0x3c) }
    mutating func endObject() { bytes.append(0x7d) }
    mutating func beginList(_ key: StaticString) {
        bytes.append(0x5b)
        put(key)
    }
    mutating func endList() { bytes.append(0x5d) }
    mutating func integer(_ key: StaticString, _ value: Int, _ origin: Origin) {
        bytes.append(0x69)
        put(key)
        put(UInt64(bitPattern: Int64(value)))
    }
    mutating func boolean(_ key: StaticString, _ value: Bool, _ origin: Origin) {
        bytes.append(value ? 0x79 : 0x6e)
        put(key)
    }
    mutating func duration(_ key: StaticString, _ value: TimeAmount, _ origin: Origin) {
        bytes.append(0x64)
        put(key)
        put(UInt64(bitPattern: value.nanoseconds))
    }
    mutating func text(_ key: StaticString, _ value: String, _ origin: Origin) {
        bytes.append(0x74)
        put(key)
        put(value)
    }
    mutating func text(named key: String, _ value: String, _ origin: Origin) {
        bytes.append(0x6b)
        put(key)
        put(value)
    }
    mutating func element(_ value: String, _ origin: Origin) {
        bytes.append(0x65)
        put(value)
    }
    mutating func host(_ value: HostPattern, _ origin: Origin) {
        switch value {
        case .exact(let host):
            bytes.append(0x68)
            put(host)
        case .wildcard(let suffix):
            bytes.append(0x77)
            put(suffix)
        case .any: bytes.append(0x2a)
        }
    }
    mutating func path(_ key: StaticString, _ value: PathTemplate, _ origin: Origin) {
        bytes.append(value.isPrefix ? 0x70 : 0x50)
        for segment in value.segments {
            switch segment {
            case .literal(let text):
                bytes.append(0x6c)
                put(text)
            case .parameter(let name):
                bytes.append(0x6d)
                put(name)
            case .rest(let name):
                bytes.append(0x72)
                put(name)
            }
        }
    }
    mutating func address(_ key: StaticString, _ value: IPEndpoint, _ origin: Origin) {
        bytes.append(0x61)
        put(key)
        put(value.address.high)
        put(value.address.low)
        put(UInt64(value.port))
    }
    mutating func network(_ value: CIDRBlock, _ origin: Origin) {
        bytes.append(0x63)
        put(value.network.high)
        put(value.network.low)
        put(UInt64(value.prefixLength))
    }
    mutating func target(_ host: TargetHost, port: UInt16, _ origin: Origin) {
        switch host {
        case .name(let name):
            bytes.append(0x4e)
            put(name)
        case .address(let address):
            bytes.append(0x41)
            put(address.high)
            put(address.low)
        }
        put(UInt64(port))
    }
}
