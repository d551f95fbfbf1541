import Configuration
import Identity
import JOSE

/// The private keys of gateway.d/demo-keys, which everybody has: a gateway that others can reach must not rely on them
/// unnoticed.
package enum DemoKeys {
    /// RFC 7638.
    package static let thumbprints: Set<String> = [
        "VlYm9KgYqkP4gB4PJg10xJh2R49nwSmyIHACgPvwb6A", "allIeFS_VLCxeKhRCcSDvIn_LVo0NmHRXfHrs34NlfA",
    ]

    /// Warnings where one of them is in use and a listener has another address than a loopback one.
    static func diagnostics(
        _ configuration: GatewayConfiguration, signingKeys: [SigningKeyEntry]
    ) -> [Diagnostic] {
        guard let exposed = configuration.listeners.first(where: { !$0.address.value.address.isLoopback }) else {
            return []
        }
        func warning(_ origin: Origin, _ path: String, _ whom: String) -> Diagnostic? {
            guard let place = origin.location else { return nil }
            return Diagnostic(
                .warning, at: place, path: path, "everybody has this key: it is the demo's, and \(whom)",
                expected: "a key of your own, or loopback addresses only",
                related: exposed.address.origin.location.map {
                    .init(location: $0, note: "a listener that others can reach")
                })
        }
        var found: [Diagnostic?] = []
        for issuer in configuration.issuers {
            guard case .file(let file) = issuer.keys.value, let keys = try? IssuerSource.read(file.path),
                keys.keys.contains(where: { isKnown($0) })
            else { continue }
            found.append(
                warning(issuer.keys.origin, "issuers.\(issuer.name).jwks_file", "anybody can make tokens with it"))
        }
        if let tokens = configuration.internalTokens,
            signingKeys.contains(where: { isKnown($0.key.verificationKey) })
        {
            found.append(
                warning(.file(tokens.location), "internal_tokens.keys", "anybody can speak to services in its name"))
        }
        return found.compactMap { $0 }
    }

    private static func isKnown(_ key: VerificationKey) -> Bool { thumbprints.contains(key.thumbprint.base64URL) }
}
