import Base
import Identity
import JOSE
import Plugins
import Testing

@Suite("Claims as text for other plugins")
struct RenderedClaimsTests {
    @Test(
        "text, numbers and booleans are what they say; what has no text has no value",
        arguments: [
            (#""v":"gold""#, "gold"), (#""v":"a\u0041é""#, "aAé"), (#""v":12"#, "12"),
            (#""v":-1.50e2"#, "-1.50e2"), (#""v":true"#, "true"), (#""v":false"#, "false"),
            (#""v":["a",1,true]"#, "a,1,true"), (#""v":["a"]"#, "a"), (#""v":["a,b","c"]"#, nil),
            (#""v":["a",null]"#, nil), (#""v":["a",["b"]]"#, nil), (#""v":[""]"#, nil), (#""v":[]"#, nil),
            (#""v":"""#, nil), (#""v":null"#, nil), (#""v":{"a":1}"#, nil), (#""w":1"#, nil),
        ] as [(String, String?)])
    func values(member: String, expected: String?) throws {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain(claims: [ClaimPath(names: ["v"])])
        #expect(try fixture.check(IdentityFixture.token(member), by: chain) == "proceed")
        #expect(fixture.caller.claim(0)?.string == expected)
    }

    @Test("each claim has its place, and no place is another's")
    func places() throws {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain(claims: [
            ClaimPath(names: ["a", "b"]), ClaimPath(names: ["none"]), ClaimPath(names: ["c"]),
        ])
        let token = try IdentityFixture.token(#""a":{"b":"x"},"c":7"#)
        for _ in 0..<2 {
            #expect(try fixture.check(token, by: chain) == "proceed")
            #expect((-1...3).map { fixture.caller.claim($0)?.string } == [nil, "x", nil, "7", nil])
        }
    }

    @Test("a value has at most 1,024 bytes, alone and as an array", arguments: [(1_024, true), (1_025, false)])
    func lengths(count: Int, hasValue: Bool) throws {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain(claims: [ClaimPath(names: ["v"]), ClaimPath(names: ["w"])])
        let text = String(repeating: "x", count: count)
        let array = "[\"\(text.dropFirst(2))\",\"y\"]"
        #expect(try fixture.check(IdentityFixture.token("\"v\":\"\(text)\",\"w\":\(array)"), by: chain) == "proceed")
        #expect(fixture.caller.claim(0)?.count == (hasValue ? count : nil))
        #expect(fixture.caller.claim(1)?.count == (hasValue ? count : nil))
    }

    @Test("nobody has no claims, nor has a caller whom the route refuses")
    func nobody() throws {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain(isRequired: false, scopes: ["write"], claims: [ClaimPath(names: ["v"])])
        #expect(try fixture.check(nil, by: chain) == "proceed")
        #expect(fixture.caller.claim(0) == nil)
        #expect(try fixture.check(IdentityFixture.token(#""v":"x""#), by: chain) != "proceed")
        #expect(fixture.caller.claim(0) == nil)
    }
}
