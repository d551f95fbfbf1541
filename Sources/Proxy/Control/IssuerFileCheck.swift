import Configuration
import TLS

/// Reads the files that issuers name when a configuration is checked: keys that can't be used are an error with its
/// place, at a reload too, and the keys that are in use stay.
enum IssuerFileCheck {
    static func diagnostics(_ configuration: GatewayConfiguration) -> [Diagnostic] {
        configuration.issuers.flatMap { issuer in
            [keys(of: issuer, configuration), authorities(of: issuer)].compactMap { $0 }
        }
    }

    private static func keys(of issuer: Issuer, _ configuration: GatewayConfiguration) -> Diagnostic? {
        guard case .file(let file) = issuer.keys.value else { return nil }
        do throws(IssuerProblem) {
            _ = try IssuerSource.read(file.path)
            return nil
        } catch {
            let isSecret = issuer.keys.origin.location.map { configuration.secrets.contains($0) } ?? false
            return Diagnostic(
                .error, at: issuer.keys.origin.location ?? issuer.location, path: "issuers.\(issuer.name).jwks_file",
                "the keys can't be used: \(error.text(hidesPlace: isSecret))")
        }
    }

    private static func authorities(of issuer: Issuer) -> Diagnostic? {
        guard let file = issuer.authorities else { return nil }
        do throws(TLSSetupError) {
            _ = try TLSClientContext(roots: .file(file.value.path))
            return nil
        } catch {
            return Diagnostic(
                .error, at: file.origin.location ?? issuer.location, path: "issuers.\(issuer.name).ca_file",
                "the certificates can't be used: \(error.reason)")
        }
    }
}
