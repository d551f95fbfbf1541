import Base
import Identity
import JOSE
import TestSupport
import Testing

@Suite("Claim paths")
struct ClaimPathTests {
    @Test(
        "names lead into objects, whatever bytes they have",
        arguments: [
            (["sub"], "1"),
            (["realm_access", "roles"], "2"),
            (["a.b"], "3"),
            (["a.b", "c"], nil),
            (["a", "b"], "4"),
            (["https://bank.example/tenant"], "5"),
            ([#"back\slash"#], "6"),
            (["missing"], nil),
            (["sub", "x"], nil),
            (["realm_access", "missing"], nil),
            (["list", "0"], nil),
        ] as [([String], String?)])
    func table(names: [String], expected: String?) throws {
        let claims = try Claims(
            #"""
            {"sub":1,"realm_access":{"roles":2},"a.b":3,"a":{"b":4},"https://bank.example/tenant":5,
             "back\\slash":6,"list":[7]}
            """#)
        #expect(ClaimPath(names: names).value(in: claims.value)?.raw.string == expected)
    }

    @Test("a path is shown as it was written, by default with dots")
    func text() {
        #expect(ClaimPath(names: ["a", "b"]).text == "a.b")
        #expect(ClaimPath(names: ["a.b", "c"], text: "/a.b/c").text == "/a.b/c")
    }
}

@Suite("Claim conditions")
struct ClaimConditionTests {
    private let claims = #"""
        {"s":"gold","n":12345,"f":12345.0,"e":1e3,"t":true,"no":false,"z":null,"o":{"a":"gold"},"empty":"",
         "list":["teller",7,true,null,["gold"]],"words":"read  write","big":123456789012345678901234567890,"m":-0}
        """#

    private func holds(_ path: String, _ test: ClaimCondition.Test) throws -> Bool {
        let claims = try Claims(claims)
        return ClaimCondition(path: ClaimPath(names: path.split(separator: ".").map(String.init)), test: test).holds(
            in: claims.value)
    }

    @Test(
        "a text equals a string's bytes, an integer's digits and a boolean's name, and nothing else",
        arguments: [
            ("s", "gold", true), ("s", "Gold", false), ("s", "gol", false), ("s", "", false), ("empty", "", true),
            ("n", "12345", true), ("n", "12345.0", false), ("n", "012345", false), ("f", "12345.0", false),
            ("f", "12345", false), ("e", "1000", false), ("e", "1e3", false), ("t", "true", true),
            ("t", "1", false), ("no", "false", true), ("no", "", false), ("z", "null", false), ("z", "", false),
            ("o", "gold", false), ("o.a", "gold", true), ("list", "teller", false), ("absent", "", false),
            ("big", "123456789012345678901234567890", true), ("m", "-0", false), ("m", "0", false),
        ] as [(String, StaticString, Bool)])
    func equals(path: String, text: StaticString, expected: Bool) throws {
        #expect(try holds(path, .equals(ByteView(text))) == expected)
        #expect(try holds(path, .oneOf([ByteView("other"), ByteView(text)])) == expected)
        #expect(try !holds(path, .oneOf([])))
    }

    @Test(
        "contains looks into arrays and into a string's words",
        arguments: [
            ("list", "teller", true), ("list", "7", true), ("list", "true", true), ("list", "null", false),
            ("list", "gold", false), ("list", "tell", false), ("words", "read", true), ("words", "write", true),
            ("words", "read  write", false), ("words", "", false), ("s", "gold", true), ("n", "12345", false),
            ("o", "gold", false), ("absent", "x", false), ("z", "null", false),
        ] as [(String, StaticString, Bool)])
    func contains(path: String, text: StaticString, expected: Bool) throws {
        #expect(try holds(path, .contains(ByteView(text))) == expected)
    }

    @Test(
        "present means there and not null",
        arguments: [("s", true), ("no", true), ("empty", true), ("o", true), ("z", false), ("absent", false)])
    func present(path: String, expected: Bool) throws {
        #expect(try holds(path, .present(true)) == expected)
        #expect(try holds(path, .present(false)) == !expected)
    }

    @Test("several conditions must all hold; none always do")
    func all() throws {
        let claims = try Claims(claims)
        let yes = ClaimCondition(path: ClaimPath(names: ["s"]), test: .present(true))
        let no = ClaimCondition(path: ClaimPath(names: ["s"]), test: .present(false))
        #expect([yes, yes].hold(in: claims.value))
        #expect(![yes, no].hold(in: claims.value))
        #expect([ClaimCondition]().hold(in: claims.value))
    }
}

@Suite("Scopes")
struct ScopeListTests {
    @Test(
        "a string or an array, from the first claim that is there, as one text",
        arguments: [
            (#"{"scope":"read write"}"#, "read write"),
            (#"{"scope":"  read   write "}"#, "read write"),
            (#"{"scope":["read","write"]}"#, "read write"),
            (#"{"scp":["read"]}"#, "read"),
            (#"{"scope":"","scp":"read"}"#, ""),
            (#"{"scope":null,"scp":"read"}"#, "read"),
            (#"{"scope":["read write","admin\n","", 7, null, ["x"], "ok"]}"#, "ok"),
            (#"{"scope":"a\tb c"}"#, "c"),
            (#"{"scope":7}"#, ""),
            (#"{"scope":{"read":true}}"#, ""),
            (#"{"scope":[]}"#, ""),
            (#"{}"#, ""),
        ])
    func normal(json: String, expected: String) throws {
        let claims = try Claims(json)
        var buffer = IOBuffer()
        ScopeList.append(
            from: claims.value, paths: [ClaimPath(names: ["scope"]), ClaimPath(names: ["scp"])], to: &buffer)
        let text = buffer.readable.string
        #expect(text == expected)
    }

    @Test(
        "a scope is a whole word, byte by byte",
        arguments: [
            ("read", true), ("write", true), ("rea", false), ("READ", false), ("read write", false), ("", false),
            (" ", false), ("admin", false),
        ] as [(StaticString, Bool)])
    func contains(word: StaticString, expected: Bool) {
        let scopes = ScopeList(ByteView("read write read:all"))
        #expect(scopes.contains(ByteView(word)) == expected)
        #expect(!ScopeList().contains(ByteView(word)))
    }

    @Test("all of them, any of them")
    func sets() {
        let scopes = ScopeList(ByteView("a b"))
        #expect(scopes.containsAll([ByteView("b"), ByteView("a")]))
        #expect(!scopes.containsAll([ByteView("a"), ByteView("c")]))
        #expect(scopes.containsAny([ByteView("c"), ByteView("b")]))
        #expect(!scopes.containsAny([ByteView("c")]))
        #expect(scopes.containsAll([]))
        #expect(!scopes.containsAny([]))
    }
}
