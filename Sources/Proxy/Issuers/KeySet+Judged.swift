import Base
import JOSE

extension KeySet {
    /// The keys of a JWK set, at least one.
    ///
    /// Different keys under one id are all kept: each of them is the issuer's, so a token that one of them has signed
    /// is. How many are tried is the verifier's limit.
    static func judged(jwks content: [UInt8]) throws(KeySetProblem) -> KeySet {
        let set: KeySet
        do throws(KeyError) {
            set = try content.withView { (view) throws(KeyError) in try KeySet(jwks: view) }
        } catch {
            throw .malformed(error)
        }
        if set.keys.isEmpty {
            guard let first = set.skipped.first else { throw .empty }
            throw .noneUsable(count: set.skipped.count, first: first.error)
        }
        return set
    }

    /// The keys of a file: a JWK set, or a public key or certificate in PEM, which any key id may mean.
    package static func judged(file content: [UInt8]) throws(KeySetProblem) -> KeySet {
        let first = content.first { !ASCII.isWhitespace($0) && $0 != ASCII.cr && $0 != ASCII.lf }
        if first == ASCII.openBrace { return try judged(jwks: content) }
        do throws(KeyError) {
            let key = try content.withView { (view) throws(KeyError) in try VerificationKey(pem: view) }
            return KeySet(keys: [key])
        } catch {
            throw .malformed(error)
        }
    }
}
