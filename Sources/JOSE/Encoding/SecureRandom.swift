import Base
import COpenSSL

/// Random bytes for secrets and unguessable names, from OpenSSL's generator (RAND_bytes).
package enum SecureRandom {
    /// Fills `memory`. Stops the process if the system has no randomness: there is no safe way on.
    package static func fill(_ memory: UnsafeMutableRawBufferPointer) {
        guard let start = memory.baseAddress, memory.count > 0 else { return }
        let isFilled = RAND_bytes(start.assumingMemoryBound(to: UInt8.self), Int32(clamping: memory.count)) == 1
        precondition(isFilled && memory.count <= Int(Int32.max), "the system's random generator works")
    }

    /// 64 random bits.
    package static func number() -> UInt64 {
        var number: UInt64 = 0
        withUnsafeMutableBytes(of: &number) { fill($0) }
        return number
    }
}
