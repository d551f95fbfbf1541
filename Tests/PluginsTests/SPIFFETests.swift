import Base
import HTTP
import Identity
import JOSE
import Plugins
import Routing
import TestSupport
import Testing

/// Texts of rules live as long as the process.
private func view(_ text: String) -> ByteView {
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(text.utf8.count, 1))
    _ = bytes.initialize(from: text.utf8)
    return ByteView(UnsafeRawBufferPointer(bytes)).prefix(text.utf8.count)
}

/// `spiffe://bank-a/user/{user_id}`, `{sub|escape}`: a short form for tests.
private func pieces(_ text: String) throws -> [SPIFFETemplate.Piece] {
    var pieces: [SPIFFETemplate.Piece] = []
    for (index, part) in text.split(separator: "{", omittingEmptySubsequences: false).enumerated() {
        guard index > 0 else {
            if !part.isEmpty { pieces.append(.literal(view(String(part)))) }
            continue
        }
        let halves = part.split(separator: "}", maxSplits: 1, omittingEmptySubsequences: false)
        let name = halves[0].split(separator: "|")
        pieces.append(
            .claim(
                ClaimPath(names: name[0].split(separator: ".").map(String.init)), name.count > 1 ? .escaped : .verbatim)
        )
        if !halves[1].isEmpty { pieces.append(.literal(view(String(halves[1])))) }
    }
    return pieces
}

private func template(_ text: String) throws -> SPIFFETemplate {
    try SPIFFETemplate(try pieces(text), trustDomain: ByteView("bank-a"))
}

private func map(_ rule: SPIFFERule, _ json: String) throws -> (SPIFFEMapping, String) {
    let claims = try Claims(json)
    var buffer = IOBuffer()
    buffer.append("before:")
    let mapping = rule.map(claims.value, into: &buffer)
    let text = buffer.readable.string
    #expect(text.hasPrefix("before:"))
    return (mapping, String(text.dropFirst(7)))
}

@Suite("spiffe: the mapping")
struct SPIFFEMappingTests {
    @Test("user@bank-a with user_id 12345 becomes spiffe://bank-a/user/12345")
    func seed() throws {
        let rule = SPIFFERule([.init(when: [], template: try template("spiffe://bank-a/user/{user_id}"))])
        for id in ["12345", "\"12345\""] {
            let (mapping, text) = try map(rule, #"{"sub":"user@bank-a","user_id":\#(id),"tenant":"bank-a"}"#)
            #expect(mapping == .mapped(caseIndex: 0))
            #expect(text == "spiffe://bank-a/user/12345")
        }
    }

    @Test(
        "claims of every type, as they are and escaped",
        arguments: [
            (#""abc""#, "abc", "abc"),
            ("7", "7", "7"),
            ("-7", "-7", "-7"),
            ("123456789012345678901234567890", "123456789012345678901234567890", "123456789012345678901234567890"),
            (#""a@b""#, "spiffe-claim-not-segment", "a_40b"),
            (#""auth0|1""#, "spiffe-claim-not-segment", "auth0_7C1"),
            (#""a/b""#, "spiffe-claim-not-segment", "a_2Fb"),
            (#""a\u0000b""#, "spiffe-claim-not-segment", "a_00b"),
            (#""a\r\nb""#, "spiffe-claim-not-segment", "a_0D_0Ab"),
            (#""a%2Fb""#, "spiffe-claim-not-segment", "a_252Fb"),
            (#""jürgen""#, "spiffe-claim-not-segment", "j_C3_BCrgen"),
            (#""\u006a""#, "j", "j"),
            (#"".""#, "spiffe-id-invalid", "_2E"),
            (#""..""#, "spiffe-id-invalid", "_2E_2E"),
            (#""""#, "spiffe-claim-empty", "spiffe-claim-empty"),
            ("1.5", "spiffe-claim-not-integer", "spiffe-claim-not-integer"),
            ("12345.0", "spiffe-claim-not-integer", "spiffe-claim-not-integer"),
            ("1e3", "spiffe-claim-not-integer", "spiffe-claim-not-integer"),
            ("-0", "spiffe-claim-not-integer", "spiffe-claim-not-integer"),
            ("true", "spiffe-claim-boolean", "spiffe-claim-boolean"),
            ("null", "spiffe-claim-null", "spiffe-claim-null"),
            (#"["a"]"#, "spiffe-claim-array", "spiffe-claim-array"),
            (#"{"a":1}"#, "spiffe-claim-object", "spiffe-claim-object"),
        ])
    func types(json: String, verbatim: String, escaped: String) throws {
        for (form, expected) in [("{c}", verbatim), ("{c|escape}", escaped)] {
            let rule = SPIFFERule([.init(when: [], template: try template("spiffe://bank-a/user/\(form)"))])
            let (mapping, text) = try map(rule, #"{"c":\#(json)}"#)
            switch mapping {
            case .mapped:
                #expect(text == "spiffe://bank-a/user/\(expected)")
                #expect(text.withByteView { SPIFFEID.problem(in: $0) } == nil)
            case .refused(let refusal):
                #expect("\(refusal.code)" == expected)
                #expect(text.isEmpty)
                #expect(refusal.refusal.status == 403)
                #expect(!refusal.message.isEmpty)
            }
        }
    }

    @Test("the first case whose conditions hold decides, even if it then can't be filled")
    func cases() throws {
        let service = ClaimCondition(path: ClaimPath(names: ["client_type"]), test: .equals(ByteView("service")))
        let staff = ClaimCondition(
            path: ClaimPath(names: ["realm_access", "roles"]), test: .contains(ByteView("staff")))
        let rule = SPIFFERule([
            .init(when: [service], template: try template("spiffe://bank-a/service/{azp}")),
            .init(when: [staff], template: try template("spiffe://bank-a/staff/{sub}")),
            .init(when: [staff, service], template: try template("spiffe://bank-a/never")),
            .init(
                when: [ClaimCondition(path: ClaimPath(names: ["sub"]), test: .present(true))],
                template: try template("spiffe://bank-a/user/{sub}")),
        ])
        let table: [(String, SPIFFEMapping, String)] = [
            (#"{"client_type":"service","azp":"ledger"}"#, .mapped(caseIndex: 0), "spiffe://bank-a/service/ledger"),
            (#"{"sub":"7","realm_access":{"roles":["staff"]}}"#, .mapped(caseIndex: 1), "spiffe://bank-a/staff/7"),
            (#"{"sub":"7","client_type":"Service"}"#, .mapped(caseIndex: 3), "spiffe://bank-a/user/7"),
            (
                #"{"sub":"7","client_type":"service"}"#,
                .refused(SPIFFERefusal(.claim("azp", .missing), caseIndex: 0)), ""
            ),
            (#"{"email":"a"}"#, .refused(SPIFFERefusal(.noCase, caseIndex: nil)), ""),
        ]
        for (json, expected, id) in table {
            let (mapping, text) = try map(rule, json)
            #expect(mapping == expected)
            #expect(text == id)
        }
    }

    @Test("an ID may have 2,048 bytes, not one more, escaped or not")
    func length() throws {
        let prefix = "spiffe://bank-a/user/"
        let room = 2048 - prefix.utf8.count
        let rule = SPIFFERule([.init(when: [], template: try template(prefix + "{sub}"))])
        let longest = String(repeating: "x", count: room)
        #expect(try map(rule, #"{"sub":"\#(longest)"}"#).1 == prefix + longest)
        let refused = SPIFFEMapping.refused(SPIFFERefusal(.tooLong, caseIndex: 0))
        #expect(try map(rule, #"{"sub":"\#(longest)x"}"#).0 == refused)
        #expect(try map(rule, #"{"sub":"\#(String(repeating: "x", count: 9000))"}"#).0 == refused)
        let escaping = SPIFFERule([.init(when: [], template: try template(prefix + "{sub|escape}"))])
        #expect(try map(escaping, #"{"sub":"\#(String(repeating: "@", count: 700))"}"#).0 == refused)
    }

    @Test("whatever a claim holds, the result is a valid ID in the trust domain, or a refusal")
    func fuzz() throws {
        var random = FuzzPlan.random(seed: 0x1d)
        let rules = try ["{c}", "{c|escape}", "a{c}", "{c}.", "{c|escape}/x"].map {
            SPIFFERule([.init(when: [], template: try template("spiffe://bank-a/u/\($0)"))])
        }
        let alphabet = ["a", "Z", "0", ".", "..", "_", "-", "/", "%2e", "@", "\\\\", "\\u0000", "é", " ", "\\\"", "#"]
        for _ in 0..<FuzzPlan.iterations(usual: 2_000) {
            let count = Int.random(in: 0...5, using: &random)
            let value = (0..<count).map { _ in alphabet.randomElement(using: &random) ?? "" }.joined()
            for rule in rules {
                let (mapping, text) = try map(rule, #"{"c":"\#(value)"}"#)
                if case .mapped = mapping {
                    #expect(text.hasPrefix("spiffe://bank-a/u/"))
                    #expect(text.withByteView { SPIFFEID.problem(in: $0) } == nil)
                } else {
                    #expect(text.isEmpty)
                }
            }
        }
    }

    @Test(
        "templates that are no good",
        arguments: [
            ("spiffe://bank-b/user/{sub}", .foreignTrustDomain),
            ("spiffe://bank-a.example/user/{sub}", .foreignTrustDomain),
            ("spiffe://{tenant}/user/{sub}", .trustDomainNotLiteral),
            ("spiffe://bank-a{sub}", .trustDomainNotLiteral),
            ("{sub}", .trustDomainNotLiteral),
            ("spiffe://bank-a", .noPath),
            ("spiffe://bank-a/", .noPath),
            ("https://bank-a/user/{sub}", .grammar(.notSPIFFE)),
            ("spiffe://Bank-a/user/{sub}", .grammar(.trustDomainByte(0x42))),
            ("spiffe://bank-a//{sub}", .grammar(.segmentEmpty)),
            ("spiffe://bank-a/user/", .grammar(.segmentEmpty)),
            ("spiffe://bank-a/{sub}/", .grammar(.segmentEmpty)),
            ("spiffe://bank-a/../{sub}", .grammar(.segmentDots)),
            ("spiffe://bank-a/user:{sub}", .grammar(.segmentByte(0x3a))),
            ("spiffe://bank-a/{sub}@x", .grammar(.segmentByte(0x40))),
            ("spiffe://bank-a/{sub}?x", .grammar(.segmentByte(0x3f))),
            ("spiffe://bank-a/{a}{b}", .twoClaimsInSegment),
            ("spiffe://bank-a/{a}-{b}", .twoClaimsInSegment),
        ] as [(String, SPIFFETemplateProblem)])
    func refused(text: String, expected: SPIFFETemplateProblem) {
        #expect(throws: expected) { try template(text) }
        #expect(!expected.message.isEmpty)
    }

    @Test(
        "templates that are good",
        arguments: [
            "spiffe://bank-a/{sub}", "spiffe://bank-a/user/{sub}", "spiffe://bank-a/{a}/{b}",
            "spiffe://bank-a/user-{sub}.x/y", "spiffe://bank-a/.{sub}", "spiffe://bank-a/gateway",
        ])
    func accepted(text: String) throws { _ = try template(text) }

    @Test(
        "a tenant in the ID is a segment as it is, or the token is refused",
        arguments: [
            ("bank-a", "spiffe://bank-a/bank-a/u/1"), ("", "tenant-missing"), ("a/b", "spiffe-tenant-not-segment"),
            ("..", "spiffe-id-invalid"),
        ])
    func tenantInID(tenant: String, expected: String) throws {
        let claims = try Claims(#"{"sub":1}"#)
        for piece in [SPIFFETemplate.Piece.tenant, .issuerTenant] {
            let template = try SPIFFETemplate(
                [
                    .literal(ByteView("spiffe://bank-a/")), piece, .literal(ByteView("/u/")),
                    .claim(ClaimPath(names: ["sub"]), .verbatim),
                ], trustDomain: ByteView("bank-a"))
            var buffer = IOBuffer()
            let mapping = tenant.withByteView {
                SPIFFERule([.init(when: [], template: template)])
                    .map(claims.value, tenant: $0, issuerTenant: $0, into: &buffer)
            }
            let id = buffer.readable.string
            switch mapping {
            case .mapped: #expect(id == expected)
            case .refused(let refusal): #expect("\(refusal.code)" == expected)
            }
        }
    }

    @Test("no more than 32 pieces")
    func pieceCount() throws {
        let long = "spiffe://bank-a" + String(repeating: "/{a}", count: 16) + "/x"
        #expect(throws: SPIFFETemplateProblem.tooManyPieces) { try template(long) }
    }
}

@Suite("spiffe: the tenant boundary")
struct TenantTests {
    @Test(
        "where a token's tenant comes from",
        arguments: [
            ("{}", "", "-"),
            ("{}", "bank-a", "bank-a"),
            (#"{"tenant":"bank-b"}"#, "bank-a", "bank-a"),
        ])
    func issuer(json: String, issuerTenant: String, expected: String) throws {
        let claims = try Claims(json)
        var buffer = IOBuffer()
        let mapping = issuerTenant.withByteView {
            TenantRule.issuer(isRequired: false).append(claims: claims.value, issuerTenant: $0, to: &buffer)
        }
        let text = buffer.readable.string
        #expect(mapping == (expected == "-" ? .none : .tenant))
        #expect(text == (expected == "-" ? "" : expected))
        let required = TenantRule.issuer(isRequired: true)
            .append(claims: claims.value, issuerTenant: ByteView(), to: &buffer)
        #expect(required == .refused(.claim(.missing)))
    }

    @Test(
        "a tenant's claim is a string or an integer, short and printable",
        arguments: [
            (#""bank-a""#, "bank-a"), ("42", "42"), (#""Bank A (Süd)""#, "Bank A (Süd)"), (#""""#, "tenant-missing"),
            ("null", "tenant-missing"), ("true", "tenant-invalid"), (#"["bank-a"]"#, "tenant-invalid"),
            ("{}", "tenant-invalid"), ("1.0", "tenant-invalid"), (#""a\nb""#, "tenant-invalid"),
            (#""a\u007f""#, "tenant-invalid"),
        ])
    func claim(json: String, expected: String) throws {
        let claims = try Claims(#"{"org":{"tenant":\#(json)}}"#)
        var buffer = IOBuffer()
        let rule = TenantRule.claim(ClaimPath(names: ["org", "tenant"]))
        let mapping = rule.append(claims: claims.value, issuerTenant: ByteView("other"), to: &buffer)
        let text = buffer.readable.string
        switch mapping {
        case .tenant: #expect(text == expected)
        case .none: Issue.record("a claim that is asked for is needed")
        case .refused(let refusal):
            #expect("\(refusal.code)" == expected)
            #expect(text.isEmpty)
            #expect(refusal.refusal.status == 403)
        }
    }

    @Test("a missing claim, and one of 256 bytes, are refused; a fixed tenant needs no claim")
    func limits() throws {
        let claims = try Claims(#"{"long":"\#(String(repeating: "x", count: 256))"}"#)
        var buffer = IOBuffer()
        func refusal(_ path: String) throws -> TenantMapping {
            TenantRule.claim(ClaimPath(names: [path])).append(
                claims: claims.value, issuerTenant: ByteView("a"), to: &buffer)
        }
        #expect(try refusal("absent") == .refused(.claim(.missing)))
        #expect(try refusal("long") == .refused(.tooLong))
        let fixed = TenantRule.fixed(ByteView("bank-a"))
            .append(claims: claims.value, issuerTenant: ByteView("b"), to: &buffer)
        #expect(fixed == .tenant)
    }

    @Test("fixed parts around a claim")
    func between() throws {
        let claims = try Claims(#"{"org":"a","long":"\#(String(repeating: "x", count: 250))"}"#)
        func tenant(_ middle: TenantRule) -> (TenantMapping, String) {
            var buffer = IOBuffer()
            let rule = TenantRule.between(before: ByteView("bank-"), middle, after: ByteView(".x"))
            let mapping = rule.append(claims: claims.value, issuerTenant: ByteView(), to: &buffer)
            return (mapping, buffer.readable.string)
        }
        #expect(tenant(.claim(ClaimPath(names: ["org"]))) == (.tenant, "bank-a.x"))
        #expect(tenant(.claim(ClaimPath(names: ["absent"]))) == (.refused(.claim(.missing)), ""))
        #expect(tenant(.claim(ClaimPath(names: ["long"]))) == (.refused(.tooLong), ""))
        #expect(tenant(.issuer(isRequired: false)) == (.refused(.claim(.missing)), ""))
    }

    @Test(
        "a token of one tenant never gets to a route of another",
        arguments: [
            ("bank-a", true), ("bank-b", false), ("Bank-a", false), ("bank-a ", false), ("bank", false), ("", false),
            ("bank-a/x", false),
        ])
    func boundary(tenant: String, isAdmitted: Bool) throws {
        let definition = RouteDefinition(
            id: "r", place: 0, listeners: 1, hosts: [], path: try PathPattern(template: "/t/{name}/x"),
            methods: [], headers: [], queries: [])
        let table = try #require(RouteTable.build([definition]).table)
        let path = ByteView("/t/bank-a/x")
        let host = ByteView("bank-a.api.example.com")
        let request = RouteRequest(
            listener: 0, host: host, path: path, method: .get, methodToken: ByteView("GET"), query: ByteView())
        let match = RouteMatch()
        table.match(request, fields: HeaderList(), into: match)
        let rules: [RouteTenantRule] = [.fixed(ByteView("bank-a")), .capture(0), .hostLabel(1)]
        for rule in rules {
            let answer = tenant.withByteView { rule.admits($0, parameters: match, path: path, host: host) }
            #expect(answer == isAdmitted)
        }
    }

    @Test(
        "a path names a tenant as services read it, its escapes decoded once",
        arguments: [
            ("bank-a", "bank-a", true), ("bank%20a", "bank a", true), ("bank%C3%BC", "bankü", true),
            ("bank%40a", "bank@a", true), ("bank@a", "bank@a", true), ("bank%40a", "bank%40a", false),
            ("bank%2540a", "bank%40a", true), ("bank%2540a", "bank@a", false), ("a+b", "a+b", true),
            ("a+b", "a b", false), ("a%2Bb", "a+b", true), ("a%2Fb", "a/b", false), ("a%5Cb", "a\\b", false),
            ("bank-a;x", "bank-a", false), ("bank-a;x", "bank-a;x", false), ("bank-a%3Bx", "bank-a;x", true),
            ("bank%20", "bank", false), ("bank", "bank ", false), ("a%FF", "a\u{FFFD}", false), ("%25", "%", true),
        ])
    func escapes(written: String, tenant: String, isAdmitted: Bool) throws {
        let definition = RouteDefinition(
            id: "r", place: 0, listeners: 1, hosts: [], path: try PathPattern(template: "/t/{name}/x"),
            methods: [], headers: [], queries: [])
        let table = try #require(RouteTable.build([definition]).table)
        "/t/\(written)/x".withByteView { path in
            let request = RouteRequest(
                listener: 0, host: ByteView("h"), path: path, method: .get, methodToken: ByteView("GET"),
                query: ByteView())
            let match = RouteMatch()
            table.match(request, fields: HeaderList(), into: match)
            let answer = tenant.withByteView {
                RouteTenantRule.capture(0).admits($0, parameters: match, path: path, host: ByteView("h"))
            }
            #expect(answer == isAdmitted)
        }
    }

    @Test(
        "labels of the host count from the left, from 1",
        arguments: [(1, "a"), (2, "bc"), (3, "d"), (4, nil), (99, nil)] as [(Int, String?)])
    func labels(number: Int, label: String?) {
        let host = ByteView("a.bc.d")
        for tenant in ["a", "bc", "d", "", "a.bc"] {
            let isAdmitted = tenant.withByteView {
                RouteTenantRule.hostLabel(number).admits($0, parameters: RouteMatch(), path: ByteView(), host: host)
            }
            #expect(isAdmitted == (tenant == label))
        }
    }
}
