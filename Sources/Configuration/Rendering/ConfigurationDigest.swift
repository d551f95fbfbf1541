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

    /// Of a file's bytes; 64 lower-case hexadecimal digits.
    static func digest(of bytes: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        let outcome = EVP_Digest(bytes, bytes.count, &digest, &length, EVP_sha256(), nil)
        precondition(outcome == 1, "SHA-256 is always there")
        return hexadecimal(digest.prefix(Int(length)))
    }

    fileprivate static func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            text += byte < 16 ? "0" : ""
            text += String(byte, radix: 16)
        }
        return text
    }
}

/// Writes each value with its kind and, where it varies, its length, so that no two configurations have one form. Made
/// for speed: a thousand routes are a quarter of a megabyte of this.
private struct DigestSink: ModelSink {
    private static let capacity = 16 * 1024
    private let context: OpaquePointer?
    private let bytes: UnsafeMutablePointer<UInt8>
    private var count = 0

    init() {
        bytes = .allocate(capacity: Self.capacity)
        context = EVP_MD_CTX_new()
        let outcome = EVP_DigestInit_ex(context, EVP_sha256(), nil)
        precondition(outcome == 1, "SHA-256 is always there")
    }

    /// Ends the digest and frees what it took; the sink is of no use afterwards.
    mutating func finish() -> String {
        flush()
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        EVP_DigestFinal_ex(context, &digest, &length)
        EVP_MD_CTX_free(context)
        bytes.deallocate()
        return ConfigurationDigest.hexadecimal(digest.prefix(Int(length)))
    }

    private mutating func flush() {
        EVP_DigestUpdate(context, bytes, count)
        count = 0
    }

    private mutating func put(_ source: UnsafePointer<UInt8>, _ length: Int) {
        if Self.capacity - count < length { flush() }
        if length > Self.capacity {
            EVP_DigestUpdate(context, source, length)
            return
        }
        (bytes + count).update(from: source, count: length)
        count += length
    }

    private mutating func put(_ byte: UInt8) {
        if count == Self.capacity { flush() }
        bytes[count] = byte
        count += 1
    }

    private mutating func put(_ key: StaticString) {
        put(key.utf8Start, key.utf8CodeUnitCount)
        put(0 as UInt8)
    }

    private mutating func put(_ text: String) {
        put(UInt64(text.utf8.count))
        var copy = text
        copy.withUTF8 { buffer in
            if let base = buffer.baseAddress { put(base, buffer.count) }
        }
    }

    private mutating func put(_ number: UInt64) {
        if Self.capacity - count < 8 { flush() }
        UnsafeMutableRawPointer(bytes + count).storeBytes(of: number.littleEndian, as: UInt64.self)
        count += 8
    }

    private mutating func put(_ address: IPAddress) {
        put((address.isIPv4 ? 4 : 6) as UInt8)
        put(address.high)
        put(address.low)
    }

    mutating func beginObject(_ key: StaticString) {
        put(0x7b as UInt8)
        put(key)
    }
    mutating func beginObject(named key: String) {
        put(0x28 as UInt8)
        put(key)
    }
    mutating func beginElement() { put(0x3c as UInt8) }
    mutating func endObject() { put(0x7d as UInt8) }
    mutating func beginList(_ key: StaticString) {
        put(0x5b as UInt8)
        put(key)
    }
    mutating func endList() { put(0x5d as UInt8) }
    mutating func integer(_ key: StaticString, _ value: Int, _ origin: Origin) {
        put(0x69 as UInt8)
        put(key)
        put(UInt64(bitPattern: Int64(value)))
    }
    mutating func boolean(_ key: StaticString, _ value: Bool, _ origin: Origin) {
        put((value ? 0x79 : 0x6e) as UInt8)
        put(key)
    }
    mutating func duration(_ key: StaticString, _ value: TimeAmount, _ origin: Origin) {
        put(0x64 as UInt8)
        put(key)
        put(UInt64(bitPattern: value.nanoseconds))
    }
    mutating func text(_ key: StaticString, _ value: String, _ origin: Origin) {
        put(0x74 as UInt8)
        put(key)
        put(value)
    }
    mutating func text(named key: String, _ value: String, _ origin: Origin) {
        put(0x6b as UInt8)
        put(key)
        put(value)
    }
    mutating func secret(_ key: StaticString, _ value: [UInt8], _ origin: Origin) {
        put(0x73 as UInt8)
        put(key)
        put(UInt64(value.count))
        value.withUnsafeBufferPointer { buffer in
            if let base = buffer.baseAddress { put(base, buffer.count) }
        }
    }
    mutating func element(_ value: String, _ origin: Origin) {
        put(0x65 as UInt8)
        put(value)
    }
    mutating func host(_ value: HostPattern, _ origin: Origin) {
        switch value {
        case .exact(let host):
            put(0x68 as UInt8)
            put(host)
        case .wildcard(let suffix):
            put(0x77 as UInt8)
            put(suffix)
        case .any: put(0x2a as UInt8)
        }
    }
    mutating func path(_ key: StaticString, _ value: PathTemplate, _ origin: Origin) {
        put((value.isPrefix ? 0x70 : 0x50) as UInt8)
        for segment in value.segments {
            switch segment {
            case .literal(let text):
                put(0x6c as UInt8)
                put(text)
            case .parameter(let name):
                put(0x6d as UInt8)
                put(name)
            case .rest(let name):
                put(0x72 as UInt8)
                put(name)
            }
        }
    }
    mutating func address(_ key: StaticString, _ value: IPEndpoint, _ origin: Origin) {
        put(0x61 as UInt8)
        put(key)
        put(value.address)
        put(UInt64(value.port))
    }
    mutating func network(_ value: CIDRBlock, _ origin: Origin) {
        put(0x63 as UInt8)
        put(value.network)
        put(UInt64(value.prefixLength))
    }
    mutating func target(_ host: TargetHost, port: UInt16, _ origin: Origin) {
        switch host {
        case .name(let name):
            put(0x4e as UInt8)
            put(name)
        case .address(let address):
            put(0x41 as UInt8)
            put(address)
        }
        put(UInt64(port))
    }
}
