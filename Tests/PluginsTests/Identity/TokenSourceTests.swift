import Base
import HTTP
import Plugins
import Testing

private let authorization = TokenSource.field(name: ByteView("Authorization"), known: .authorization)
private let header = TokenSource.field(name: ByteView("X-Token"), known: .other)
private let query = TokenSource.query(ByteView("access_token"))
private let cookie = TokenSource.cookie(ByteView("session"))
private let everywhere = [authorization, header, query, cookie]

private func found(_ fields: [(String, String)], _ target: String = "/", _ sources: [TokenSource]) throws -> String {
    let request = try requestHead(fields, target: target)
    return switch TokenSource.search(sources, in: request) {
    case .none: "none"
    case .malformed: "malformed"
    case .withheld: "withheld"
    case .token(let token): TokenSource.isToken(token) ? token.string : "malformed"
    }
}

@Suite("jwt: where tokens stand")
struct TokenSourceTests {
    @Test(
        "Authorization",
        arguments: [
            ([], "none"), (["Bearer a.b.c"], "a.b.c"), (["bearer a.b.c"], "a.b.c"), (["BEARER  a.b.c"], "a.b.c"),
            (["Bearer"], "malformed"), (["Bearer a b"], "malformed"), (["Bearer a,b"], "malformed"),
            (["Bearer a, Bearer b"], "malformed"), (["Basic a"], "none"), (["Bearerx a"], "none"),
            (["Bearer=a"], "malformed"), (["Bearer\ta"], "malformed"), (["Bearer\t"], "malformed"),
            (["Bearer-a b"], "none"),
            (["Bearer,a"], "malformed"), (["Bearer \ta"], "a"),
            ([""], "none"), (["a.b.c"], "none"), (["Bearer a", "Bearer a"], "malformed"),
            (["Basic a", "Bearer b"], "malformed"),
        ] as [([String], String)])
    func authorizationField(values: [String], expected: String) throws {
        #expect(try found(values.map { ("Authorization", $0) }, [authorization]) == expected)
        // Nobody looks there unless the route does.
        #expect(try found(values.map { ("Authorization", $0) }, [header, query, cookie]) == "none")
    }

    @Test(
        "another field: bare or after Bearer",
        arguments: [
            (["a.b.c"], "a.b.c"), (["Bearer a.b.c"], "a.b.c"), ([""], "malformed"), (["Bearer"], "malformed"),
            (["a", "b"], "malformed"), (["a b"], "malformed"), (["\u{e9}"], "malformed"),
        ] as [([String], String)])
    func otherField(values: [String], expected: String) throws {
        #expect(try found(values.map { ("x-TOKEN", $0) }, [header]) == expected)
    }

    @Test(
        "the query",
        arguments: [
            ("/", "none"), ("/?", "none"), ("/?access_token=a.b", "a.b"), ("/?x=1&access_token=a.b&y", "a.b"),
            ("/?access%5Ftoken=a.b", "a.b"), ("/?Access_Token=a.b", "none"), ("/?xaccess_token=a", "none"),
            ("/?access_token", "malformed"), ("/?access_token=", "malformed"),
            ("/?access_token=a&access_token=a", "malformed"),
            ("/access_token=a", "none"),
        ])
    func queries(target: String, expected: String) throws {
        #expect(try found([], target, [query]) == expected)
    }

    @Test(
        "cookies",
        arguments: [
            (["session=a.b"], "a.b"), (["x=1; session=a.b; y=2"], "a.b"), (["x=1;session=a.b"], "a.b"),
            (["Session=a.b"], "none"), (["xsession=a"], "none"), (["session"], "none"), (["session="], "malformed"),
            (["session=a; session=a"], "malformed"), (["session=a", "session=b"], "malformed"),
            (["x=1", "session=a"], "a"), (["; ;session=a"], "a"), (["session=a; session =b"], "malformed"),
            (["session\t=a"], "a"), (["session=a", " session = b"], "malformed"),
        ] as [([String], String)])
    func cookies(values: [String], expected: String) throws {
        #expect(try found(values.map { ("Cookie", $0) }, [cookie]) == expected)
    }

    @Test("two tokens are one too many, wherever they stand and even if they are the same")
    func several() throws {
        let places: [(fields: [(String, String)], target: String)] = [
            ([("Authorization", "Bearer a")], "/"), ([("X-Token", "a")], "/"), ([], "/?access_token=a"),
            ([("Cookie", "session=a")], "/"),
        ]
        for (index, first) in places.enumerated() {
            #expect(try found(first.fields, first.target, everywhere) == "a")
            for second in places[(index + 1)...] {
                let target = first.target == "/" ? second.target : first.target
                #expect(try found(first.fields + second.fields, target, everywhere) == "malformed")
            }
        }
    }

    @Test("every byte: what can't stand in a token isn't one")
    func bytes() throws {
        for byte in UInt8.min...UInt8.max {
            var request = RequestHead()
            let isField = [0x61, byte, 0x62].withUnsafeBytes { bytes in
                let value = ByteView(bytes)
                if value.isValidFieldValue { request.fields.append(name: ByteView("X-Token"), value: value) }
                return value.isValidFieldValue
            }
            // The rest never gets past the codec.
            guard isField else { continue }
            guard case .token(let text) = TokenSource.search([header], in: request) else {
                Issue.record("nothing was found for \(byte)")
                continue
            }
            #expect(TokenSource.isToken(text) == (byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: ",")), "\(byte)")
        }
    }

    @Test(
        "a token whose field Connection names is neither taken nor forgotten",
        arguments: ["authorization", "close, Authorization", "x-token", "Cookie", "keep-alive,  X-TOKEN , te"])
    func withheld(connection: String) throws {
        let fields = [
            ("Authorization", "Bearer a"), ("X-Token", "a"), ("Cookie", "session=a"), ("Connection", connection),
        ]
        #expect(try found(fields, everywhere) == "withheld")
        // What the client doesn't send can't be withheld.
        #expect(try found([("Connection", connection)], everywhere) == "none")
        #expect(try found([("Connection", connection)], "/?access_token=a", everywhere) == "a")
    }
}

private func found(_ fields: [(String, String)], _ sources: [TokenSource]) throws -> String {
    try found(fields, "/", sources)
}

@Suite("jwt: tokens leave no trace")
struct TokenRemovalTests {
    @Test(
        "queries: only the parameter goes, the rest stays byte for byte",
        arguments: [
            ("access_token=a", "", true), ("a=1&access_token=x&b=2", "a=1&b=2", true),
            ("access_token=x&b=2", "b=2", true), ("b=2&access_token=x", "b=2", true),
            ("a=%41&&access_token=x&c=+&=", "a=%41&&c=+&=", true), ("access%5ftoken=x&b", "b", true),
            ("access_token=x&access_token=y", "", true), ("access_token", "", true), ("", "", false),
            ("a=access_token", "a=access_token", false), ("&&", "&&", false),
            ("Access_token=x", "Access_token=x", false),
        ])
    func queries(given: String, kept: String, isFound: Bool) {
        var output = IOBuffer()
        let result = given.withByteView { TokenRemoval.appendQuery($0, without: everywhere, to: &output) }
        #expect(output.readable.string == kept)
        #expect(result == isFound)
        output.removeAll()
        #expect(!given.withByteView { TokenRemoval.appendQuery($0, without: [header, cookie], to: &output) })
        #expect(output.readable.string == given)
    }

    @Test(
        "in logs the value is masked",
        arguments: [
            ("access_token=a", "access_token=********"), ("a=1&access_token=x=y&b", "a=1&access_token=********&b"),
            ("acc%65ss_token=a&t=b", "acc%65ss_token=********&t=********"), ("a&&", "a&&"), ("", ""),
            ("access_token", "access_token"),
        ])
    func masks(given: String, shown: String) {
        let names = [ByteView("access_token"), ByteView("t")]
        var output = IOBuffer()
        given.withByteView { TokenRemoval.appendMasked($0, names: names, to: &output) }
        #expect(output.readable.string == shown)
        if given != shown { #expect(given.withByteView { TokenRemoval.holds($0, anyOf: names) }) }
    }

    @Test(
        "cookies: only the one goes",
        arguments: [
            (["session=a"], []), (["x=1; session=a; y=2"], ["x=1; y=2"]), (["session=a; y=2"], ["y=2"]),
            (["x=1; session=a"], ["x=1"]), (["x=1;session=a;y=\"2 3\""], ["x=1;y=\"2 3\""]),
            (["x=session=a"], ["x=session=a"]), (["x=1", "session=a", "y=2"], ["x=1", "y=2"]),
            (["session=a; x=1", "y=2; session=b"], ["x=1", "y=2"]), (["x", "; session=a"], ["x"]),
            (["x=1; session =a; session\t=b"], ["x=1"]),
        ] as [([String], [String])])
    func cookies(given: [String], kept: [String]) throws {
        var request = try requestHead(given.map { ("Cookie", $0) })
        TokenRemoval.removeFields(everywhere, from: &request.fields)
        #expect(lines(request.fields) == kept.map { "Cookie: \($0)" })
        #expect(request.fields.contains(.cookie) == !kept.isEmpty)
    }

    @Test("a long cookie field is rewritten while the list's memory moves")
    func longCookies() throws {
        let many = (0..<400).map { "name-\($0)=value-\($0)" }
        var request = try requestHead([("Cookie", (many + ["session=a"] + many).joined(separator: "; "))])
        TokenRemoval.removeFields([cookie], from: &request.fields)
        #expect(lines(request.fields) == ["Cookie: " + (many + many).joined(separator: "; ")])
    }

    @Test("fields go whole, and Authorization is left to the caller")
    func fields() throws {
        var request = try requestHead([
            ("X-Token", "a"), ("x-token", "b"), ("Authorization", "Bearer c"), ("X-Other", "d"),
        ])
        TokenRemoval.removeFields(everywhere, from: &request.fields)
        #expect(lines(request.fields) == ["Authorization: Bearer c", "X-Other: d"])
    }
}
