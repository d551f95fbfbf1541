import Base
import COpenSSL

/// A certificate with its key, made for a test and worth nothing elsewhere.
package final class TestCertificate: @unchecked Sendable {
    // Sendable because it is never changed once it is made.
    let certificate: OpaquePointer
    let key: OpaquePointer

    /// - Parameters:
    ///   - names: subject alternative names as OpenSSL writes them, `DNS:localhost, IP:127.0.0.1`; nil for none.
    ///   - notBefore: seconds from now.
    ///   - notAfter: seconds from now.
    ///   - authority: who signs it; nil for itself.
    package init(
        commonName: String, names: String? = nil, notBefore: Int = -3600, notAfter: Int = 3600,
        isAuthority: Bool = false, signedBy authority: TestCertificate? = nil
    ) {
        guard let key = Self.makeKey(), let certificate = X509_new() else { preconditionFailure("no certificate") }
        self.key = key
        self.certificate = certificate
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), Int.random(in: 1...(1 << 40)))
        X509_gmtime_adj(X509_getm_notBefore(certificate), notBefore)
        X509_gmtime_adj(X509_getm_notAfter(certificate), notAfter)
        X509_NAME_add_entry_by_txt(
            X509_get_subject_name(certificate), "CN", MBSTRING_FLAG | 1, Array(commonName.utf8),
            Int32(commonName.utf8.count), -1, 0)
        X509_set_issuer_name(certificate, X509_get_subject_name(authority?.certificate ?? certificate))
        X509_set_pubkey(certificate, key)
        if isAuthority { add(NID_basic_constraints, "critical,CA:TRUE") }
        if let names { add(NID_subject_alt_name, names) }
        precondition(X509_sign(certificate, authority?.key ?? key, EVP_sha256()) > 0)
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    private static func makeKey() -> OpaquePointer? {
        guard let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil) else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        EVP_PKEY_keygen_init(context)
        EVP_PKEY_CTX_set_group_name(context, "P-256")
        EVP_PKEY_generate(context, &key)
        return key
    }

    private func add(_ identifier: Int32, _ value: String) {
        let made = X509V3_EXT_conf_nid(nil, nil, identifier, value)
        precondition(made != nil && X509_add_ext(certificate, made, -1) == 1)
        X509_EXTENSION_free(made)
    }

    /// The certificate in PEM.
    package var pem: String {
        guard let memory = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(memory) }
        PEM_write_bio_X509(memory, certificate)
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = BIO_read(memory, &bytes, Int32(bytes.count))
        return String(decoding: bytes.prefix(Int(max(0, count))), as: UTF8.self)
    }
}

/// The server's side of a TLS connection, without a socket of its own.
package final class TestTLSServer {
    private let context: OpaquePointer
    private let session: OpaquePointer
    private let inbound: OpaquePointer
    private let outbound: OpaquePointer

    /// - Parameter versionMax: one of OpenSSL's numbers, such as `TLS1_1_VERSION`; nil for any.
    package init(_ certificate: TestCertificate, versionMax: Int32? = nil) {
        guard let context = SSL_CTX_new(TLS_server_method()),
            let session = Self.session(context, certificate, versionMax),
            let inbound = BIO_new(BIO_s_mem()), let outbound = BIO_new(BIO_s_mem())
        else { preconditionFailure("no server") }
        SSL_set_bio(session, inbound, outbound)
        SSL_set_accept_state(session)
        self.context = context
        self.session = session
        self.inbound = inbound
        self.outbound = outbound
    }

    private static func session(
        _ context: OpaquePointer, _ certificate: TestCertificate, _ versionMax: Int32?
    ) -> OpaquePointer? {
        if let versionMax {
            SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0")
            precondition(portcullis_tls_set_versions(context, versionMax) == 1)
        }
        SSL_CTX_use_certificate(context, certificate.certificate)
        SSL_CTX_use_PrivateKey(context, certificate.key)
        SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, chosenCount, offered, offeredCount, _ in
                // The first one offered.
                guard let offered, offeredCount > 1 else { return SSL_TLSEXT_ERR_NOACK }
                chosen?.pointee = offered + 1
                chosenCount?.pointee = offered.pointee
                return SSL_TLSEXT_ERR_OK
            }, nil)
        return SSL_new(context)
    }

    /// The protocol that both sides agreed upon (RFC 7301); nil without one.
    package var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(session, &name, &count)
        guard let name, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    deinit {
        SSL_free(session)
        SSL_CTX_free(context)
    }

    /// Takes what the client has sent. - Returns: the plaintext in it.
    package func receive(_ bytes: [UInt8]) -> [UInt8] {
        if !bytes.isEmpty { BIO_write(inbound, bytes, Int32(bytes.count)) }
        if SSL_is_init_finished(session) == 0 { SSL_do_handshake(session) }
        var plain: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = SSL_read(session, &piece, Int32(piece.count))
            guard count > 0 else {
                ERR_clear_error()
                return plain
            }
            plain += piece.prefix(Int(count))
        }
    }

    package func write(_ plain: [UInt8]) { if !plain.isEmpty { SSL_write(session, plain, Int32(plain.count)) } }

    package func close() { SSL_shutdown(session) }

    /// What is to be sent to the client.
    package func takeOutput() -> [UInt8] {
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = BIO_read(outbound, &piece, Int32(piece.count))
            guard count > 0 else { return output }
            output += piece.prefix(Int(count))
        }
    }

    /// The name that the client asked for.
    package var serverName: String? {
        SSL_get_servername(session, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
    }
}
