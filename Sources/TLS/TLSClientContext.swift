import Base
import COpenSSL

/// What all sessions of a client with the same trust share: the certificates to believe, and the protocol's bounds.
///
/// TLS 1.2 at least, with OpenSSL's own choice of ciphers; no renegotiation, no compression, no session reuse.
/// Belongs to one thread.
package final class TLSClientContext {
    /// The certificates that a server's chain must end in.
    package enum Roots: Sendable, Hashable {
        /// The system's, where OpenSSL looks for them.
        case system
        /// Those of a PEM file, and no others.
        case file(String)
    }

    private let handle: OpaquePointer

    /// Reads the roots; blocks on their files.
    /// - Parameter speaksHTTP: whether HTTP/1.1 is offered as the protocol within (RFC 7301).
    package init(roots: Roots, speaksHTTP: Bool = true) throws(TLSSetupError) {
        ERR_clear_error()
        guard let handle = SSL_CTX_new(TLS_client_method()) else { throw .library(TLSErrorQueue.take()) }
        self.handle = handle
        portcullis_tls_set_modes(handle)
        guard portcullis_tls_set_min_version(handle, TLS1_2_VERSION) == 1 else {
            throw .library(TLSErrorQueue.take())
        }
        SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
        switch roots {
        case .system:
            guard SSL_CTX_set_default_verify_paths(handle) == 1 else { throw .library(TLSErrorQueue.take()) }
        case .file(let path):
            guard SSL_CTX_load_verify_locations(handle, path, nil) == 1 else {
                throw .roots(path: path, reason: TLSErrorQueue.take())
            }
        }
        guard speaksHTTP else { return }
        // Length-prefixed names (RFC 7301 section 3.1); 0 is success here.
        let protocols: [UInt8] = [8] + "http/1.1".utf8
        guard SSL_CTX_set_alpn_protos(handle, protocols, UInt32(protocols.count)) == 0 else {
            throw .library(TLSErrorQueue.take())
        }
    }

    deinit { SSL_CTX_free(handle) }

    /// A session in which the server must prove to be `peer`. It begins with the first `advance`.
    package func makeSession(peer: TLSPeerName) throws(TLSSetupError) -> TLSSession {
        ERR_clear_error()
        guard let session = SSL_new(handle) else { throw .library(TLSErrorQueue.take()) }
        guard Self.demand(peer, of: session) else {
            SSL_free(session)
            throw .library(TLSErrorQueue.take())
        }
        SSL_set_connect_state(session)
        return try TLSSession(adopting: session)
    }

    /// Names are matched against the certificate's alternative names alone, never its subject, and a wildcard is a
    /// whole label (RFC 9525 sections 6.3 and 6.4). An address is no server name (RFC 6066 section 3).
    private static func demand(_ peer: TLSPeerName, of session: OpaquePointer) -> Bool {
        SSL_set_hostflags(
            session, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS) | UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        switch peer {
        case .name(let text):
            let name = text.hasSuffix(".") ? String(text.dropLast()) : text
            guard !name.isEmpty else { return false }
            return SSL_set1_host(session, name) == 1 && portcullis_tls_set_server_name(session, name) == 1
        case .address(let address):
            return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), address.description) == 1
        }
    }
}

/// Who a server must prove to be.
package enum TLSPeerName: Sendable, Hashable {
    /// A host name in ASCII.
    case name(String)
    case address(IPAddress)
}

/// Why there can be no session.
package enum TLSSetupError: Error, Hashable, CustomStringConvertible {
    /// The roots' file can't be read or holds no certificate.
    case roots(path: String, reason: String)
    /// OpenSSL refused, with its reason.
    case library(String)

    /// OpenSSL's own words.
    package var reason: String {
        switch self {
        case .roots(_, let reason), .library(let reason): reason
        }
    }

    package var description: String {
        switch self {
        case .roots(let path, let reason): "no certificates in \(path): \(reason)"
        case .library(let reason): "TLS can't be set up: \(reason)"
        }
    }
}

/// OpenSSL's errors of the calling thread.
enum TLSErrorQueue {
    /// The text of the first error; the others are dropped.
    static func take() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        return text(code)
    }

    static func text(_ code: UInt) -> String {
        guard code != 0 else { return "no reason given" }
        if let reason = ERR_reason_error_string(code) { return String(cString: reason) }
        return "error \(String(code, radix: 16))"
    }
}
