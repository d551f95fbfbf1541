import COpenSSL

/// Why a session failed.
package enum TLSFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The peer's certificate, or one above it, is valid no more.
    case expired
    /// … or not yet.
    case notYetValid
    /// The certificate is not the expected peer's.
    case wrongHost
    /// The chain doesn't end in a certificate that is trusted; with OpenSSL's reason.
    case unknownAuthority(reason: String)
    /// Something else is wrong with the certificate; with OpenSSL's reason.
    case rejectedCertificate(reason: String)
    /// The stream ended without the peer's word for it.
    case truncated
    /// What the peer sent is no TLS that we speak, or it ended the session with an alert; with OpenSSL's reason.
    case protocolError(String)

    /// - Parameter code: one of OpenSSL's `X509_V_ERR_` numbers.
    init(verifyCode code: Int32) {
        let reason = X509_verify_cert_error_string(Int(code)).map { String(cString: $0) } ?? "error \(code)"
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED: self = .expired
        case X509_V_ERR_CERT_NOT_YET_VALID: self = .notYetValid
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: self = .wrongHost
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED:
            self = .unknownAuthority(reason: reason)
        default: self = .rejectedCertificate(reason: reason)
        }
    }

    package var description: String {
        switch self {
        case .expired: "the certificate has expired"
        case .notYetValid: "the certificate is not yet valid"
        case .wrongHost: "the certificate is for another host"
        case .unknownAuthority(let reason): "the certificate's authority is unknown: \(reason)"
        case .rejectedCertificate(let reason): "the certificate is refused: \(reason)"
        case .truncated: "the TLS connection was cut off"
        case .protocolError(let reason): "TLS failed: \(reason)"
        }
    }
}
