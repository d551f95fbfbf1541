import Base
import EventLoop
import Foundation
import Identity
import Linux
import Observability
import Proxy
import TLS
import TestSupport
import Testing

private let authority = TestCertificate(commonName: "test authority", isAuthority: true)

private let keyA = #"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
private let keyB = #"{"kty":"OKP","crv":"Ed25519","kid":"b","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}"#
private let setA = #"{"keys":[\#(keyA)]}"#
private let setAB = #"{"keys":[\#(keyA),\#(keyB)]}"#

private final class SilentWaker: LogWaker {
    func wake() {}
    func wait(for limit: TimeAmount) {}
}

/// A directory with a loop that the test turns.
private final class World {
    let loop: EventLoop
    let directory: IssuerDirectory
    var keys: [(issuer: String, ids: [String]?)] = []
    var settled: [String] = []

    init() throws {
        loop = try EventLoop()
        let log = ErrorLog(queue: LogQueue(capacity: 1, batchSize: 4096, waker: SilentWaker()), level: .error) {
            .init(wall: WallTime(seconds: 0), monotonic: .zero)
        }
        directory = IssuerDirectory(loop: loop, log: log)
        directory.onKeys = { [unowned self] issuer, keys in
            self.keys.append((issuer, keys?.keys.map { $0.keyID?.string ?? "" }))
        }
        directory.onNews = { [unowned self] issuer, news in
            switch news {
            case .fetching, .expected: break
            case .refused, .quiet, .settled, .gone: settled.append(issuer)
            }
        }
    }

    /// Turns the loop until attempts have ended this many times in all.
    func settle(_ count: Int = 1) {
        let end = SystemClock.monotonic() + .seconds(20)
        while settled.count < count, SystemClock.monotonic() < end { loop.turn(waitingAtMost: .milliseconds(50)) }
        #expect(settled.count >= count)
    }

    var status: IssuerStatus { directory.status[0] }
}

private func settings(
    _ server: ScriptedServer, host: String = "127.0.0.1", scheme: String = "http", timeout: TimeAmount = .seconds(10),
    caFile: String? = nil, cooldown: TimeAmount = .zero
) throws -> IssuerSettings {
    IssuerSettings(
        name: "corporate", issuer: "https://sso.example.com",
        source: .jwks(try #require(FetchURL(text: "\(scheme)://\(host):\(server.port)/keys"))), allowsHTTP: true,
        caFile: caFile, schedule: .init(unknownKeyCooldown: cooldown), fetchTimeout: timeout)
}

private func ok(_ body: String, _ fields: String = "") -> [ScriptedServer.Step] {
    [
        .awaitRequest,
        .answer("HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)", body),
    ]
}

@Suite("Keys fetched over the wire")
struct KeyFetchTests {
    @Test("a key set in every framing", arguments: ["length", "chunked", "close", "slowly", "interim"])
    func good(framing: String) throws {
        let size = String(setA.utf8.count, radix: 16)
        let script: [ScriptedServer.Step] =
            switch framing {
            case "length": ok(setA)
            case "chunked":
                [
                    .awaitRequest,
                    .answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "\(size)\r\n\(setA)\r\n0\r\n\r\n"),
                ]
            case "close": [.awaitRequest, .answer("HTTP/1.0 200 OK", setA)]
            case "slowly":
                [
                    .awaitRequest,
                    .sendSlowly(
                        Array("HTTP/1.1 200 OK\r\nContent-Length: \(setA.utf8.count)\r\n\r\n\(setA)".utf8)),
                ]
            default: [.awaitRequest, .answer("HTTP/1.1 103 Early Hints"), .answer("HTTP/1.0 200 OK", setA)]
            }
        let server = ScriptedServer([script])
        let world = try World()
        world.directory.update([try settings(server)])
        world.settle()
        #expect(world.keys.map(\.ids) == [["a"]])
        #expect(world.status.readiness == .ready)
        #expect(world.status.problem == nil)
        let request = try #require(server.requests.first)
        #expect(request.hasPrefix("GET /keys HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n"))
    }

    @Test(
        "answers that are no key set: a clear error, and no keys",
        arguments: [
            ("HTTP/1.1 500 Oops\r\nContent-Length: 0", "", "status is 500"),
            ("HTTP/1.1 304 Not Modified", "", "status is 304"),
            ("HTTP/1.1 204 No Content", "", "status is 204"),
            (
                "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0", "",
                "redirect (302) to http://elsewhere/, which is not followed"
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9", "not keys!", "not a key set"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 11", #"{"keys":[]}"#, "the key set is empty"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 13", #"{"keys":[{}]}"#, "none of the 1 keys can be used"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999", "", "larger than 1048576 bytes"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 100", "{", "cut short"),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2", "{}", "content coding gzip"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "zz\r\n", "not HTTP"),
            ("SSH-2.0-x", "", "not HTTP"),
        ])
    func bad(head: String, body: String, error: String) throws {
        let server = ScriptedServer([[.awaitRequest, .answer(head, body)]])
        let world = try World()
        world.directory.update([try settings(server)])
        world.settle()
        #expect(world.keys.isEmpty)
        #expect(world.status.readiness == .missing)
        let problem = try #require(world.status.problem)
        #expect(problem.text.contains(error), "\(problem.text)")
        #expect(world.status.nextFetch != nil)
    }

    @Test("bodies and heads without end are cut off", arguments: [true, false])
    func huge(isBody: Bool) throws {
        let flood = [UInt8](repeating: 0x20, count: 2 * 1024 * 1024)
        let head = isBody ? "HTTP/1.0 200 OK\r\n\r\n" : "HTTP/1.0 200 OK\r\nX: "
        let server = ScriptedServer([[.awaitRequest, .send(Array(head.utf8)), .send(flood)]])
        let world = try World()
        world.directory.update([try settings(server)])
        world.settle()
        let text = try #require(world.status.problem?.text)
        #expect(text.contains(isBody ? "larger than" : "not HTTP"), "\(text)")
    }

    @Test("a server that says nothing, or stops in the middle, is left at the time limit", arguments: [true, false])
    func slow(saysNothing: Bool) throws {
        let half: ScriptedServer.Step = .answer("HTTP/1.1 200 OK\r\nContent-Length: 100", "{")
        let server = ScriptedServer([[.awaitRequest] + (saysNothing ? [] : [half]) + [.awaitEnd]])
        let world = try World()
        world.directory.update([try settings(server, timeout: .milliseconds(200))])
        world.settle()
        let text = try #require(world.status.problem?.text)
        #expect(text.contains("the time was up in \(saysNothing ? "waiting for" : "reading") the answer"), "\(text)")
    }

    @Test("nobody listens; a name without address; the next address is tried")
    func unreachable() throws {
        let world = try World()
        var gone: ScriptedServer? = ScriptedServer([[]])
        let old = try settings(try #require(gone))
        gone = nil
        world.directory.update([old])
        world.settle()
        #expect(world.status.problem?.text.contains("no connection to 127.0.0.1") == true)
        let named = try World()
        let server = ScriptedServer([ok(setA)])
        // `localhost` may be ::1 first, where nobody listens.
        named.directory.update([try settings(server, host: "localhost")])
        named.settle()
        #expect(named.status.keys.map(\.id) == ["a"])
        let nowhere = try World()
        nowhere.directory.update([try settings(server, host: "nowhere.invalid")])
        nowhere.settle()
        #expect(nowhere.status.problem?.text.contains("resolved") == true)
    }

    @Test("a bad set later keeps the keys; an unknown id fetches again")
    func kept() throws {
        let server = ScriptedServer([ok(setA), ok(#"{"keys":7}"#), ok(#"{"keys":[]}"#), ok(setAB)])
        let world = try World()
        world.directory.update([try settings(server)])
        world.settle(1)
        for attempt in 2...3 {
            world.directory.lookUp(issuer: "corporate", kid: "b")
            world.settle(attempt)
            #expect(world.status.readiness == .stale)
            #expect(world.status.keys.map(\.id) == ["a"])
        }
        world.directory.lookUp(issuer: "corporate", kid: "b")
        world.settle(4)
        #expect(world.keys.map(\.ids) == [["a"], ["a", "b"]])
        #expect(world.status.counts.lookUpsFetched == 3)
        world.directory.lookUp(issuer: "unknown", kid: "b")
        #expect(world.settled.last == "unknown")
    }

    @Test("different keys under one id are all kept")
    func sameID() throws {
        let twice = #"{"keys":[\#(keyA),\#(keyB.replacingOccurrences(of: #""b""#, with: #""a""#))]}"#
        let server = ScriptedServer([ok(twice)])
        let world = try World()
        world.directory.update([try settings(server)])
        world.settle()
        #expect(world.status.readiness == .ready)
        #expect(world.keys.map(\.ids) == [["a", "a"]])
        withExtendedLifetime(server) {}
    }

    @Test("before the end no keys are fetched but for a client")
    func quiesce() throws {
        let server = ScriptedServer([ok(setA, "Cache-Control: max-age=1\r\n"), ok(setAB)])
        let world = try World()
        var settings = try settings(server)
        settings.schedule = .init(intervalMin: .seconds(1), intervalMax: .seconds(1), unknownKeyCooldown: .zero)
        world.directory.update([settings])
        world.settle(1)
        world.directory.quiesce()
        let end = SystemClock.monotonic() + .milliseconds(1_500)
        while SystemClock.monotonic() < end { world.loop.turn(waitingAtMost: .milliseconds(50)) }
        #expect(server.requests.count == 1)
        world.directory.lookUp(issuer: "corporate", kid: "b")
        world.settle(2)
        #expect(world.keys.map(\.ids) == [["a"], ["a", "b"]])
    }

    @Test("what came out of a reference, and queries, are not in what is said of an issuer")
    func secrets() throws {
        let server = ScriptedServer([])
        for isHidden in [false, true] {
            let world = try World()
            var settings = try settings(server)
            settings.source = .jwks(try #require(FetchURL(text: "http://127.0.0.1:\(server.port)/keys?key=s3cr3t")))
            settings.hidesPlace = isHidden
            world.directory.update([settings])
            world.settle()
            let said = "\(world.status.source) \(world.status.problem?.text ?? "")"
            #expect(!said.contains("s3cr3t"))
            #expect(said.contains("/keys?…") == !isHidden)
            #expect(said.contains("********") == isHidden)
        }
    }

    @Test("keys stay over a reload while they come from the same place; others begin anew, and who waits hears of it")
    func reload() throws {
        let server = ScriptedServer([ok(setA)])
        let world = try World()
        let first = try settings(server)
        world.directory.update([first])
        world.settle(1)
        world.directory.update([first])
        #expect(world.keys.count == 1)
        var second = first
        second.fetchTimeout = .seconds(9)
        world.directory.update([second])
        #expect(world.keys.count == 1 && world.settled.count == 1)
        var third = second
        third.issuer = "https://other.example.com"
        world.directory.update([third])
        #expect(world.keys.count == 2 && world.settled.count == 2)
        #expect(world.keys.last?.ids == nil)
        world.settle(3)
        #expect(world.keys.count == 3)
        world.directory.update([])
        #expect(world.settled.count == 4)
        #expect(world.keys.last?.ids == nil)
        #expect(world.directory.status.isEmpty)
    }

    @Test("discovery leads to the keys; another issuer's document doesn't")
    func discovery() throws {
        let keys = ScriptedServer([ok(setA)])
        func document(_ issuer: String) -> String {
            #"{"issuer":"\#(issuer)","jwks_uri":"http://127.0.0.1:\#(keys.port)/jwks"}"#
        }
        for (issuer, isGood) in [("https://sso.example.com", true), ("https://evil.example.com", false)] {
            let server = ScriptedServer([ok(document(issuer))])
            let world = try World()
            var settings = try settings(server)
            settings.source = .discovery(
                try #require(FetchURL(text: "http://127.0.0.1:\(server.port)/.well-known/openid-configuration")))
            world.directory.update([settings])
            world.settle()
            #expect(world.status.readiness == (isGood ? .ready : .missing))
            if !isGood { #expect(world.status.problem?.text.contains("another issuer's") == true) }
        }
        #expect(keys.requests.count == 1)
    }

    @Test("over TLS: verified, by name and by address, and refused where it must be")
    func tls() throws {
        let roots = NSTemporaryDirectory() + "portcullis-ca-\(UUID().uuidString).pem"
        try authority.pem.write(toFile: roots, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: roots) }
        func attempt(_ names: String, notAfter: Int = 3600, host: String, caFile: String?) throws -> IssuerStatus {
            let certificate = TestCertificate(
                commonName: "x", names: names, notAfter: notAfter, signedBy: authority)
            let server = ScriptedServer([ok(setA)], certificate: certificate)
            let world = try World()
            world.directory.update([try settings(server, host: host, scheme: "https", caFile: caFile)])
            world.settle()
            return world.status
        }
        #expect(try attempt("IP:127.0.0.1", host: "127.0.0.1", caFile: roots).readiness == .ready)
        #expect(try attempt("DNS:localhost", host: "localhost", caFile: roots).readiness == .ready)
        let host = try attempt("DNS:localhost", host: "127.0.0.1", caFile: roots)
        #expect(host.problem?.text.contains("for another host") == true)
        let expired = try attempt("IP:127.0.0.1", notAfter: -5, host: "127.0.0.1", caFile: roots)
        #expect(expired.problem?.text.contains("has expired") == true)
        let unknown = try attempt("IP:127.0.0.1", host: "127.0.0.1", caFile: nil)
        #expect(unknown.problem?.text.contains("authority is unknown") == true)
    }

    @Test("a file: read at once, read again at a reload, the last good keys kept")
    func file() throws {
        let path = NSTemporaryDirectory() + "portcullis-keys-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try setA.write(toFile: path, atomically: true, encoding: .utf8)
        let settings = IssuerSettings(name: "f", issuer: "https://f", source: .file(path: path))
        let world = try World()
        world.directory.update([settings])
        #expect(world.keys.map(\.ids) == [["a"]])
        try setAB.write(toFile: path, atomically: true, encoding: .utf8)
        world.directory.update([settings])
        #expect(world.keys.map(\.ids) == [["a"], ["a", "b"]])
        try "garbage".write(toFile: path, atomically: true, encoding: .utf8)
        world.directory.update([settings])
        #expect(world.status.readiness == .stale)
        #expect(world.status.keys.count == 2)
        let count = world.settled.count
        world.directory.lookUp(issuer: "f", kid: "c")
        #expect(world.settled.count == count + 1)
    }
}
