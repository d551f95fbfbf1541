import Base
import COpenSSL

/// One TLS connection without its socket: what the peer sent goes in, what is to be sent comes out.
///
/// ```
/// handshaking ──▶ established ──▶ closed      the peer's close_notify, nothing more comes
///      └──────────────┴─────────▶ failed      for good; an alert may still wait to be sent
/// ```
/// The caller's turn: `receive` what came, `advance`, `read` until it gives nothing, `write`, and send `takeOutput`.
/// It is the same for both sides of a connection: the side is chosen when the session is made.
package final class TLSSession {
    package enum State: Sendable, Hashable {
        case handshaking
        case established
        /// The peer has said that it sends no more.
        case closed
        case failed(TLSFailure)
    }

    package private(set) var state = State.handshaking
    private let session: OpaquePointer
    /// What came from the peer and what goes to it, in OpenSSL's memory; they belong to `session`.
    private let inbound: OpaquePointer
    private let outbound: OpaquePointer

    init(adopting session: OpaquePointer) throws(TLSSetupError) {
        guard let inbound = BIO_new(BIO_s_mem()) else {
            SSL_free(session)
            throw .library(TLSErrorQueue.take())
        }
        guard let outbound = BIO_new(BIO_s_mem()) else {
            BIO_free(inbound)
            SSL_free(session)
            throw .library(TLSErrorQueue.take())
        }
        SSL_set_bio(session, inbound, outbound)
        self.session = session
        self.inbound = inbound
        self.outbound = outbound
    }

    deinit { SSL_free(session) }

    // MARK: Ciphertext

    /// Takes what the peer has sent.
    package func receive(_ bytes: ByteView) {
        var rest = bytes
        while !rest.isEmpty {
            let count = BIO_write(inbound, rest.base, Int32(clamping: rest.count))
            guard count > 0 else { return fail(.protocolError("out of memory")) }
            rest = rest.from(Int(count))
        }
    }

    /// The stream has ended. Without the peer's word for it, what came may be cut short (RFC 8446 section 6.1).
    package func receiveEnd() {
        switch state {
        case .handshaking, .established: fail(.truncated)
        case .closed, .failed: break
        }
    }

    /// Appends what is to be sent to the peer.
    package func takeOutput(into buffer: inout IOBuffer) {
        while true {
            let waiting = BIO_ctrl_pending(outbound)
            guard waiting > 0 else { return }
            buffer.reserve(min(waiting, Self.pieceSize))
            let room = buffer.writable
            let count = BIO_read(outbound, room.baseAddress, Int32(clamping: room.count))
            guard count > 0 else { return }
            buffer.commit(Int(count))
        }
    }

    private static let pieceSize = 16 * 1024

    // MARK: Plaintext

    /// Goes on with the handshake, as far as what was received allows.
    package func advance() {
        guard state == .handshaking else { return }
        ERR_clear_error()
        let result = SSL_do_handshake(session)
        if result == 1 { state = .established } else { settle(result) }
    }

    /// Appends content that has come, at most `limit` bytes; none while nothing more is there.
    /// - Returns: the number of bytes.
    package func read(into buffer: inout IOBuffer, limit: Int) -> Int {
        guard state == .established, limit > 0 else { return 0 }
        buffer.reserve(min(limit, Self.pieceSize))
        ERR_clear_error()
        let room = buffer.writable
        let result = SSL_read(session, room.baseAddress, Int32(clamping: min(room.count, limit)))
        guard result > 0 else {
            settle(result)
            return 0
        }
        buffer.commit(Int(result))
        return Int(result)
    }

    /// Encrypts the beginning of `bytes`. - Returns: the number of bytes taken; 0 before the handshake is done.
    package func write(_ bytes: ByteView) -> Int {
        guard state == .established, !bytes.isEmpty else { return 0 }
        ERR_clear_error()
        let result = SSL_write(session, bytes.base, Int32(clamping: bytes.count))
        guard result > 0 else {
            settle(result)
            return 0
        }
        return Int(result)
    }

    /// Tells the peer that nothing more will be sent.
    package func close() {
        guard state == .established || state == .closed else { return }
        ERR_clear_error()
        _ = SSL_shutdown(session)
    }

    // MARK: Endings

    /// What a call without success means for the session.
    private func settle(_ result: Int32) {
        switch SSL_get_error(session, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: break
        case SSL_ERROR_ZERO_RETURN: state = .closed
        default: fail(failure())
        }
    }

    private func failure() -> TLSFailure {
        let code = ERR_get_error()
        if portcullis_tls_is_verify_error(code) == 1 {
            return TLSFailure(verifyCode: Int32(clamping: SSL_get_verify_result(session)))
        }
        return .protocolError(TLSErrorQueue.text(code))
    }

    private func fail(_ failure: TLSFailure) {
        if case .failed = state { return }
        state = .failed(failure)
        ERR_clear_error()
    }
}
