import Base

struct TargetBalancer {
    var count: Int
    var next = 0
    init(_ u: ConfiguredUpstream) { count = u.targets.count }
    mutating func pick(hash: UInt64?, excluding: UInt64) -> Int? {
        for _ in 0..<count {
            next = (next + 1) % count
            if excluding & (1 << UInt64(next)) == 0 { return next }
        }
        return nil
    }
    mutating func release(_ index: Int) {}
}
enum KeyHash {
    static func hash(_ v: ByteView, seed: UInt64) -> UInt64 { v.hash(seed: seed) }
    static func hash(high: UInt64, low: UInt64, seed: UInt64) -> UInt64 { (high ^ low ^ seed) &* 0x9e37_79b9_7f4a_7c15 }
}
