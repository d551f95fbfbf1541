import Base
import Glibc
import Linux
import Testing

private func endpoint(_ text: String) throws -> IPEndpoint { try #require(IPEndpoint(text: text)) }

/// Waits until something happens on a socket.
private func waitFor(_ number: Int32, _ events: Int32) {
    var entry = pollfd(fd: number, events: Int16(events), revents: 0)
    _ = poll(&entry, 1, 5_000)
}

/// A client's and a server's end of one connection over loopback.
private struct Connected: ~Copyable {
    let client: StreamSocket
    let server: StreamSocket
    let peer: IPEndpoint
}

private func connect(at address: String = "127.0.0.1:0", to target: String? = nil) throws -> Connected {
    let listener = try ListeningSocket.listening(at: try endpoint(address), isShared: false)
    let wanted = try target.map { try endpoint("\($0):\(listener.endpoint.port)") } ?? listener.endpoint
    let client = try StreamSocket.connecting(to: wanted)
    waitFor(client.number, POLLOUT)
    try #require(client.takeError() == nil)
    waitFor(listener.number, POLLIN)
    guard let accepted = try listener.accept() else { throw Errno.again }
    let peer = accepted.peer
    return Connected(client: client, server: accepted.intoSocket(), peer: peer)
}

private enum Read: Equatable {
    case text(String)
    case other(ReadOutcome)
}

private func read(_ socket: borrowing StreamSocket, waits: Bool = true) -> Read {
    if waits { waitFor(socket.number, POLLIN) }
    var buffer = IOBuffer(capacity: 64)
    let outcome = socket.read(into: buffer.writable)
    guard case .bytes(let count) = outcome else { return .other(outcome) }
    buffer.commit(count)
    return .text(buffer.readable.string)
}

@Suite("Sockets", .timeLimit(.minutes(1)))
struct SocketTests {
    @Test("port 0 becomes a real one", arguments: ["127.0.0.1:0", "[::1]:0"])
    func ephemeralPort(text: String) throws {
        let wanted = try endpoint(text)
        let socket = try ListeningSocket.listening(at: wanted, isShared: false)
        #expect(socket.endpoint.port != 0)
        #expect(socket.endpoint.address == wanted.address)
        guard let _ = try socket.accept() else { return }
        Issue.record("somebody connected")
    }

    @Test("an address in use is refused, unless all share it")
    func addressInUse() throws {
        let first = try ListeningSocket.listening(at: try endpoint("127.0.0.1:0"), isShared: false)
        #expect(throws: Errno.addressInUse) {
            _ = try ListeningSocket.listening(at: first.endpoint, isShared: false).number
        }
        #expect(throws: Errno.addressInUse) {
            _ = try ListeningSocket.listening(at: first.endpoint, isShared: true).number
        }
        let shared = try ListeningSocket.listening(at: try endpoint("127.0.0.1:0"), isShared: true)
        let other = try ListeningSocket.listening(at: shared.endpoint, isShared: true)
        #expect(other.endpoint == shared.endpoint)
    }

    @Test("bytes go both ways, and nothing is there before they come")
    func bothWays() throws {
        let pair = try connect()
        #expect(read(pair.server, waits: false) == .other(.wouldBlock))
        #expect(pair.server.isQuiet == true)
        #expect(pair.client.write(ByteView("ping")) == .bytes(4))
        waitFor(pair.server.number, POLLIN)
        #expect(pair.server.isQuiet == false)
        #expect(read(pair.server) == .text("ping"))
        #expect(pair.server.write(ByteView("head, "), ByteView("body")) == .bytes(10))
        #expect(read(pair.client) == .text("head, body"))
        #expect(pair.server.write(ByteView("only"), ByteView()) == .bytes(4))
        #expect(read(pair.client) == .text("only"))
        #expect(pair.server.write(ByteView(), ByteView("other")) == .bytes(5))
        #expect(read(pair.client) == .text("other"))
    }

    @Test("the end of one direction leaves the other open")
    func halfClose() throws {
        let pair = try connect()
        pair.client.shutdownWriting()
        #expect(read(pair.server) == .other(.endOfStream))
        #expect(pair.server.isQuiet == false)
        #expect(pair.server.write(ByteView("late")) == .bytes(4))
        #expect(read(pair.client) == .text("late"))
    }

    @Test("a reset is told apart from an end", arguments: [false, true])
    func reset(isReset: Bool) throws {
        let listener = try ListeningSocket.listening(at: try endpoint("127.0.0.1:0"), isShared: false)
        let client = try StreamSocket.connecting(to: listener.endpoint)
        waitFor(listener.number, POLLIN)
        do {
            guard let accepted = try listener.accept() else { throw Errno.again }
            if isReset { accepted.socket.resetOnClose() }
        }
        #expect(read(client) == .other(isReset ? .failed(Errno(code: ECONNRESET)) : .endOfStream))
    }

    @Test("writing without a reader ends in `wouldBlock`, and to a closed peer in an error, never in a signal")
    func fullAndBroken() throws {
        let pair = try connect()
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 1)
        defer { chunk.deallocate() }
        chunk.initializeMemory(as: UInt8.self, repeating: 1)
        var outcome = WriteOutcome.bytes(0)
        var taken = 0
        while case .bytes(let count) = outcome, taken < 1 << 30 {
            taken += count
            outcome = pair.client.write(ByteView(UnsafeRawBufferPointer(chunk)))
        }
        #expect(outcome == .wouldBlock)
        shutdown(pair.client.number, Int32(SHUT_WR))
        #expect(pair.client.write(ByteView("x")) == .failed(Errno(code: EPIPE)))
        #expect(pair.client.write(ByteView("x"), ByteView("y")) == .failed(Errno(code: EPIPE)))
    }

    @Test("nobody listening: the attempt fails, at once or later")
    func refused() throws {
        let closed: IPEndpoint
        do { closed = try ListeningSocket.listening(at: try endpoint("127.0.0.1:0"), isShared: false).endpoint }
        do throws(Errno) {
            let socket = try StreamSocket.connecting(to: closed)
            waitFor(socket.number, POLLOUT)
            #expect(socket.takeError() == .connectionRefused)
            #expect(socket.takeError() == nil)
        } catch {
            #expect(error == .connectionRefused)
        }
    }

    @Test("a client of a dual-stack listener has its IPv4 address")
    func mappedPeer() throws {
        let pair = try connect(at: "[::]:0", to: "127.0.0.1")
        #expect(pair.peer.address == IPAddress(text: "127.0.0.1"))
        #expect(pair.peer.port != 0)
    }

    @Test("IPv6 and mapped addresses can be connected to", arguments: ["[::1]", "[::ffff:127.0.0.1]"])
    func versionSix(host: String) throws {
        let pair = try connect(at: "[::]:0", to: host)
        #expect(pair.client.write(ByteView("six")) == .bytes(3))
        #expect(read(pair.server) == .text("six"))
    }

    @Test("a blocking exchange returns all until the peer closes, and gives up in time")
    func blockingExchange() throws {
        let listener = try ListeningSocket.listening(at: try endpoint("127.0.0.1:0"), isShared: false)
        let silent = listener.endpoint
        #expect(throws: Errno.timedOut) {
            try exchangeBlocking(
                with: silent, request: ByteView("hello"), responseBytesMax: 100, within: .milliseconds(30))
        }
    }
}

@Suite("Dropping")
struct DroppingTests {
    @Test("bytes are dropped up to a limit, and the end of the stream is told")
    func dropping() throws {
        let ends = try connect()
        #expect(ends.server.drop(atMost: 10) == .wouldBlock)
        #expect(ends.client.write(ByteView("0123456789abc")) == .bytes(13))
        waitFor(ends.server.number, POLLIN)
        #expect(ends.server.drop(atMost: 10) == .bytes(10))
        #expect(read(ends.server) == .text("abc"))
        ends.client.shutdownWriting()
        waitFor(ends.server.number, POLLIN)
        #expect(ends.server.drop(atMost: 10) == .endOfStream)
    }
}

@Suite("Raw addresses")
struct RawAddressTests {
    @Test(
        "an endpoint survives the kernel's form",
        arguments: [
            "0.0.0.0:0", "127.0.0.1:80", "255.255.255.255:65535", "1.2.3.4:258", "[::]:0", "[::1]:443",
            "[2001:db8:1:2:3:4:5:6]:65535", "[fe80::1]:1", "[::1.2.3.4]:7",
        ])
    func roundTrip(text: String) throws {
        let endpoint = try endpoint(text)
        let raw = RawAddress(endpoint)
        #expect(raw.endpoint == endpoint)
        #expect(raw.family == (endpoint.address.isIPv4 ? AF_INET : AF_INET6))
    }

    @Test("a mapped address is sent as IPv6 and read as IPv4")
    func mapped() throws {
        let raw = RawAddress(try endpoint("[::ffff:10.1.2.3]:8080"))
        #expect(raw.family == AF_INET6)
        #expect(raw.endpoint == (try endpoint("10.1.2.3:8080")))
    }

    @Test("the zone of a link-local address is kept")
    func scope() throws {
        let address = try #require(IPAddress(text: "fe80::1"))
        let endpoint = IPEndpoint(address: address, port: 80, scope: 7)
        #expect(RawAddress(endpoint).endpoint == endpoint)
    }
}
