import Base
import Foundation
import TLS
import TestSupport
import Testing

private let authority = TestCertificate(commonName: "test authority", isAuthority: true)
private let stranger = TestCertificate(commonName: "other authority", isAuthority: true)

private func certificate(_ names: String?, notBefore: Int = -3600, notAfter: Int = 3600) -> TestCertificate {
    TestCertificate(
        commonName: "localhost", names: names, notBefore: notBefore, notAfter: notAfter, signedBy: authority)
}

/// The authority's certificate in a file that goes away with its owner.
private final class RootsFile {
    let path = NSTemporaryDirectory() + "portcullis-roots-\(UUID().uuidString).pem"
    init(_ text: String) throws { try text.write(toFile: path, atomically: true, encoding: .utf8) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A client and a server that pass each other what they say.
private final class Dialogue {
    let client: TLSSession
    let server: TestTLSServer
    private let pieceSize: Int

    init(
        _ certificate: TestCertificate, peer: TLSPeerName, roots: TestCertificate = authority,
        versionMax: Int32? = nil, pieceSize: Int = .max
    ) throws {
        let file = try RootsFile(roots.pem)
        client = try TLSClientContext(roots: .file(file.path)).makeSession(peer: peer)
        server = TestTLSServer(certificate, versionMax: versionMax)
        self.pieceSize = pieceSize
    }

    var heard: [UInt8] = []
    var answered: [UInt8] = []

    /// Lets both speak until neither has anything to say.
    func run() {
        while true {
            client.advance()
            var fromClient = IOBuffer()
            client.takeOutput(into: &fromClient)
            heard += server.receive(Array(fromClient.readable.raw))
            var fromServer = server.takeOutput()[...]
            if fromClient.isEmpty, fromServer.isEmpty { return }
            while !fromServer.isEmpty {
                let piece = Array(fromServer.prefix(pieceSize))
                fromServer = fromServer.dropFirst(piece.count)
                piece.withUnsafeBytes { client.receive(ByteView($0)) }
                client.advance()
                var plain = IOBuffer()
                while client.read(into: &plain, limit: 1000) > 0 {}
                answered += plain.readable.raw
            }
        }
    }
}

@Suite("A TLS client")
struct TLSClientTests {
    @Test("a good certificate: bytes go both ways, whole and one by one", arguments: [Int.max, 1])
    func good(pieceSize: Int) throws {
        let dialogue = try Dialogue(certificate("DNS:localhost"), peer: .name("localhost"), pieceSize: pieceSize)
        dialogue.run()
        #expect(dialogue.client.state == .established)
        #expect(dialogue.server.applicationProtocol == "http/1.1")
        #expect(dialogue.server.serverName == "localhost")
        #expect(dialogue.client.write("hello") == 5)
        let answer = [UInt8](repeating: 0x61, count: 40_000)
        dialogue.run()
        dialogue.server.write(answer)
        dialogue.run()
        #expect(dialogue.heard == Array("hello".utf8))
        #expect(dialogue.answered == answer)
        dialogue.server.close()
        dialogue.run()
        #expect(dialogue.client.state == .closed)
        dialogue.client.receiveEnd()
        #expect(dialogue.client.state == .closed)
    }

    @Test(
        "whom a certificate is for",
        arguments: [
            ("DNS:localhost", TLSPeerName.name("localhost"), true),
            ("DNS:localhost", .name("LOCALHOST"), true),
            ("DNS:localhost", .name("localhost."), true),
            ("DNS:*.example.com", .name("a.example.com"), true),
            ("DNS:*.example.com", .name("a.b.example.com"), false),
            ("DNS:*.example.com", .name("example.com"), false),
            ("DNS:a*.example.com", .name("ab.example.com"), false),
            ("DNS:*", .name("localhost"), false),
            ("DNS:localhost.example.com", .name("localhost"), false),
            ("IP:127.0.0.1", .address(IPAddress(text: "127.0.0.1")!), true),
            ("IP:127.0.0.1", .address(IPAddress(text: "127.0.0.2")!), false),
            ("IP:127.0.0.1", .name("localhost"), false),
            ("IP:0:0:0:0:0:0:0:1", .address(IPAddress(text: "::1")!), true),
            ("DNS:127.0.0.1", .address(IPAddress(text: "127.0.0.1")!), false),
        ])
    func names(names: String, peer: TLSPeerName, isGood: Bool) throws {
        let dialogue = try Dialogue(certificate(names), peer: peer)
        dialogue.run()
        #expect(dialogue.client.state == (isGood ? .established : .failed(.wrongHost)))
        if case .address = peer { #expect(dialogue.server.serverName == nil) }
    }

    @Test("the subject's common name is no host name")
    func commonName() throws {
        let dialogue = try Dialogue(certificate(nil), peer: .name("localhost"))
        dialogue.run()
        #expect(dialogue.client.state == .failed(.wrongHost))
    }

    @Test("an expired and a future certificate")
    func dates() throws {
        let expired = try Dialogue(certificate("DNS:localhost", notAfter: -60), peer: .name("localhost"))
        expired.run()
        #expect(expired.client.state == .failed(.expired))
        #expect(TLSFailure.expired.description == "the certificate has expired")
        let early = try Dialogue(certificate("DNS:localhost", notBefore: 600), peer: .name("localhost"))
        early.run()
        #expect(early.client.state == .failed(.notYetValid))
    }

    @Test("an authority that nobody trusts, and a certificate that signs itself")
    func authorities() throws {
        let foreign = try Dialogue(certificate("DNS:localhost"), peer: .name("localhost"), roots: stranger)
        foreign.run()
        guard case .failed(.unknownAuthority(let reason)) = foreign.client.state else {
            Issue.record("\(foreign.client.state)")
            return
        }
        #expect(reason.contains("issuer certificate"))
        let alone = TestCertificate(commonName: "localhost", names: "DNS:localhost")
        let own = try Dialogue(alone, peer: .name("localhost"))
        own.run()
        guard case .failed(.unknownAuthority) = own.client.state else {
            Issue.record("\(own.client.state)")
            return
        }
    }

    @Test("a server that speaks TLS 1.1 only is refused")
    func oldVersion() throws {
        let dialogue = try Dialogue(certificate("DNS:localhost"), peer: .name("localhost"), versionMax: 0x0302)
        dialogue.run()
        guard case .failed(.protocolError(let reason)) = dialogue.client.state else {
            Issue.record("\(dialogue.client.state)")
            return
        }
        #expect(reason.contains("version"))
    }

    @Test("TLS 1.2 is enough")
    func version12() throws {
        let dialogue = try Dialogue(certificate("DNS:localhost"), peer: .name("localhost"), versionMax: 0x0303)
        dialogue.run()
        #expect(dialogue.client.state == .established)
    }

    @Test("a peer that speaks no TLS, and one that hangs up")
    func garbage() throws {
        let dialogue = try Dialogue(certificate("DNS:localhost"), peer: .name("localhost"))
        dialogue.client.advance()
        dialogue.client.receive(ByteView("HTTP/1.1 400 Bad Request\r\n\r\n" as StaticString))
        dialogue.client.advance()
        guard case .failed(.protocolError) = dialogue.client.state else {
            Issue.record("\(dialogue.client.state)")
            return
        }
        let left = try Dialogue(certificate("DNS:localhost"), peer: .name("localhost"))
        left.client.advance()
        left.client.receiveEnd()
        #expect(left.client.state == .failed(.truncated))
        let cut = try Dialogue(certificate("DNS:localhost"), peer: .name("localhost"))
        cut.run()
        cut.client.receiveEnd()
        #expect(cut.client.state == .failed(.truncated))
    }

    @Test("random bytes fail the session, and nothing else")
    func fuzz() throws {
        var random = FuzzPlan.random(seed: 71)
        for _ in 0..<FuzzPlan.iterations(usual: 50) {
            let dialogue = try Dialogue(certificate("DNS:localhost"), peer: .name("localhost"))
            dialogue.client.advance()
            var sent = IOBuffer()
            dialogue.client.takeOutput(into: &sent)
            _ = dialogue.server.receive(Array(sent.readable.raw))
            var bytes = dialogue.server.takeOutput()
            // One byte of the server's hello for certain, and some of anything: not every byte of a record's own header
            // has a meaning (RFC 8446 section 5.1).
            let hello = 5..<5 + (Int(bytes[3]) << 8 | Int(bytes[4]))
            let changed = hello.lowerBound + Int(random.next() % UInt64(hello.count))
            bytes[changed] ^= UInt8(1 + random.next() % 255)
            for _ in 0..<random.next() % 4 {
                let index = Int(random.next() % UInt64(bytes.count))
                if index != changed { bytes[index] ^= UInt8(1 + random.next() % 255) }
            }
            bytes.withUnsafeBytes { dialogue.client.receive(ByteView($0)) }
            dialogue.client.advance()
            // A changed message is never part of a handshake that succeeds: both sides' digests cover all of them.
            #expect(dialogue.client.state != .established)
        }
    }

    @Test("a file without certificates is no trust at all")
    func noRoots() throws {
        let file = try RootsFile("nothing\n")
        #expect(throws: TLSSetupError.self) { try TLSClientContext(roots: .file(file.path)) }
        #expect(throws: TLSSetupError.self) { try TLSClientContext(roots: .file("/nonexistent.pem")) }
        #expect(throws: Never.self) { try TLSClientContext(roots: .system) }
    }
}

extension TLSSession {
    fileprivate func write(_ text: String) -> Int { text.withByteView { write($0) } }
}
