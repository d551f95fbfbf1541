import Base
import Configuration
import Identity
import JOSE
import Linux

/// Reads the gateway's own keys when a configuration is checked: one that can't sign is an error with its place, and
/// what `check` accepts can be served.
enum SigningKeyLoader {
    static func load(_ configuration: GatewayConfiguration) -> (entries: [SigningKeyEntry], diagnostics: [Diagnostic]) {
        var entries: [SigningKeyEntry] = []
        var diagnostics: [Diagnostic] = []
        guard let tokens = configuration.internalTokens else { return (entries, diagnostics) }
        for (index, file) in tokens.keys.enumerated() {
            let location = file.file.origin.location ?? tokens.location
            do throws(Unreadable) {
                entries.append(try entry(file, group: index))
            } catch {
                diagnostics.append(
                    Diagnostic(
                        severity: .error, location: location, path: "internal_tokens.keys",
                        message: "the key \(file.file.value.path) can't be used: \(error.reason)"))
            }
        }
        do throws(SigningKeyProblem) {
            if diagnostics.isEmpty { try SigningKeyRing().check(entries) }
        } catch {
            diagnostics.append(
                Diagnostic(
                    severity: .error, location: tokens.location, path: "internal_tokens.keys", message: error.message))
        }
        return (entries, diagnostics)
    }

    private struct Unreadable: Error {
        let reason: String
    }

    private static func entry(
        _ file: Configuration.SigningKeyFile, group: Int
    ) throws(Unreadable) -> SigningKeyEntry {
        let path = file.file.value.path
        let content: [UInt8]
        do throws(Errno) {
            guard let read = try readFile(path: path, bytesMax: Identity.SigningKeyFile.lengthMaximum) else {
                throw Unreadable(reason: "it is too large")
            }
            content = read
        } catch {
            throw Unreadable(reason: error.description)
        }
        do throws(KeyError) {
            let key = try content.withUnsafeBytes { (bytes) throws(KeyError) in
                try Identity.SigningKeyFile.read(
                    ByteView(bytes), id: file.id?.value, algorithm: file.algorithm.flatMap { SignatureAlgorithm($0.value) })
            }
            return SigningKeyEntry(key: key, state: state(file.state?.value), fileTime: nil, group: group)
        } catch {
            throw Unreadable(reason: error.text.description)
        }
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
