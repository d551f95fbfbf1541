import Base
import Configuration
import Identity
import JOSE
import Linux

/// Reads the gateway's own keys when a configuration is checked: one that can't sign is an error with its place, and
/// what `check` accepts can be served.
enum SigningKeyLoader {
    /// - Parameter ring: what is to take the keys: the running gateway's, or a new one.
    static func load(
        _ configuration: GatewayConfiguration, for ring: SigningKeyRing
    ) -> (entries: [SigningKeyEntry], diagnostics: [Diagnostic]) {
        var entries: [SigningKeyEntry] = []
        var diagnostics: [Diagnostic] = []
        guard let tokens = configuration.internalTokens else { return (entries, diagnostics) }
        for file in tokens.keys {
            let location = file.file.origin.location ?? tokens.location
            do throws(Unreadable) {
                entries.append(try entry(file))
            } catch {
                diagnostics.append(
                    Diagnostic(
                        .error, at: location, path: "internal_tokens.keys",
                        "the key \(file.file.value.path) can't be used: \(error.reason)"))
            }
        }
        if diagnostics.isEmpty { diagnostics += unfit(entries, configuration) }
        do throws(SigningKeyProblem) {
            if diagnostics.isEmpty { try ring.check(entries) }
        } catch {
            diagnostics.append(
                Diagnostic(.error, at: tokens.location, path: "internal_tokens.keys", error.message))
        }
        return (entries, diagnostics)
    }

    /// Routes with JWT-SVIDs, when a key that may come to sign is one that can't sign those (JWT-SVID section 2.1).
    private static func unfit(_ entries: [SigningKeyEntry], _ configuration: GatewayConfiguration) -> [Diagnostic] {
        // Where the operator says which key signs, no other does.
        let isChosen = entries.contains { $0.state == .signing }
        let signing = entries.filter { $0.state == .signing || !isChosen && $0.state == nil }
        guard let key = signing.first(where: { !$0.key.signsJWTSVIDs }) else { return [] }
        var places: Set<SourceLocation> = []
        return configuration.domains.flatMap(\.routes).compactMap { route in
            guard let plugin = route.plugins.internalJWT, plugin.profile.value == .jwtSVID else { return nil }
            let place = plugin.profile.origin.location ?? plugin.location
            guard places.insert(place).inserted else { return nil }
            return Diagnostic(
                .error, at: place, path: "plugins.internal_jwt.profile",
                "a JWT-SVID can't be signed with the key `\(key.key.id)`, whose algorithm is "
                    + "\(key.key.algorithm.name)", expected: "keys for RS, PS or ES algorithms",
                related: configuration.internalTokens.map {
                    .init(location: $0.location, note: "where the signing keys are named")
                })
        }
    }

    private struct Unreadable: Error {
        let reason: String
    }

    private static func entry(_ file: Configuration.SigningKeyFile) throws(Unreadable) -> SigningKeyEntry {
        let content = try content(of: file.file.value.path)
        do throws(KeyError) {
            let algorithm = file.algorithm.flatMap { SignatureAlgorithm($0.value) }
            let key = try content.withUnsafeBytes { bytes in
                Result { () throws(KeyError) in
                    try Identity.SigningKeyFile.read(ByteView(bytes), id: file.id?.value, algorithm: algorithm)
                }
            }.get()
            return SigningKeyEntry(
                key: key, state: state(file.state?.value), fileTime: try? fileTime(path: file.file.value.path),
                group: file.entry)
        } catch {
            throw Unreadable(reason: error.text.description)
        }
    }

    private static func content(of path: String) throws(Unreadable) -> [UInt8] {
        let content: [UInt8]?
        do throws(Errno) {
            content = try readFile(path: path, bytesMax: Identity.SigningKeyFile.lengthMaximum)
        } catch {
            throw Unreadable(reason: error.description)
        }
        guard let content else { throw Unreadable(reason: "it is too large") }
        return content
    }

    private static func state(_ state: FixedKeyState?) -> SigningKeyState? {
        switch state {
        case nil: nil
        case .published: .published
        case .signing: .signing
        case .retired: .retired
        }
    }
}
