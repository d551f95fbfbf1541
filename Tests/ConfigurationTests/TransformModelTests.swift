import Base
import Configuration
import TestSupport
import Testing

@Suite struct TransformModelTests {
    private func route(_ plugins: String, file: String = "", gateway: String = plainGateway) throws -> Route {
        let bank = """
            domain: bank
            upstreams:
              accounts: {targets: ["http://10.1.0.11:8080"]}
            plugins: {\(file)}
            routes:
              read:
                match: {path: "/v1/{id}"}
                upstream: accounts
                plugins: {\(plugins)}
            """
        let result = MemoryFolder(["gateway.yaml": gateway, "bank.yaml": bank]).load()
        return try #require(result.configuration?.domains.first?.routes.first, "\(findings(result))")
    }

    @Test(
        "a template's text, places, functions and defaults",
        arguments: [
            ("a", [.literal("a")]), ("{{a}}", [.literal("{a}")]), ("", []),
            ("{host}", [.value(.init(attribute: .host, steps: []))]),
            (
                "x-{header.X-A|lower|base64}",
                [.literal("x-"), .value(.init(attribute: .header("X-A"), steps: [.lower, .base64]))]
            ),
            (
                "{query.a b|default:'it''s } | {'|hash|url_escape}",
                [.value(.init(attribute: .query("a b"), steps: [.fallback("it's } | {"), .hash, .urlEscape]))]
            ),
            ("{path.id}", [.value(.init(attribute: .pathParameter(name: "id", index: 0), steps: []))]),
            (
                "{claim.a.b|default:''}{cookie.c}",
                [
                    .value(.init(attribute: .claim(.init(names: ["a", "b"])), steps: [.fallback("")])),
                    .value(.init(attribute: .cookie("c"), steps: [])),
                ]
            ),
        ] as [(String, [TextPart])])
    func templates(text: String, parts: [TextPart]) throws {
        let quoted = text.replacing("'", with: "''")
        let read = try route("request_transform: {query: {set: {a: '\(quoted)'}}}")
        let template = try #require(read.plugins.requestTransform?.query.set.first?.value.value)
        #expect(template.parts == parts)
        // As it is shown it would be read the same.
        #expect(template.description == text)
    }

    @Test("plugins merge name by name over gateway.yaml, file and route, and the nearest can turn them off")
    func layers() throws {
        let gateway =
            plainGateway
            + "\ndefaults: {plugins: {request_transform: {headers: {set: {A: g, B: g}}, on_missing: refuse}, response_transform: {status: {\"500\": 502, 5xx: 503}}}}\n"
        let file =
            "request_transform: {headers: {set: {b: f, C: f}, append: {D: f}}, body: {json: {set: {/a: f, /b: f}}}}"
        let read = try route(
            "request_transform: {headers: {set: {c: r}, remove: [d]}, body: {json: {set: {/b: r}}, on_unfit: pass}}, response_transform: {status: {\"500\": 504}}",
            file: file, gateway: gateway)
        let request = try #require(read.plugins.requestTransform)
        #expect(request.headers.set.map { "\($0.name)=\($0.value.value)" } == ["A=g", "b=f", "c=r"])
        #expect(request.headers.append.isEmpty && request.onMissing.value == .refuse)
        let body = try #require(request.body)
        guard case .json(let edit) = body.change else { throw Unexpected() }
        #expect(edit.set.map { "\($0.pointer)=\($0.value.value)" } == ["/a=f", "/b=r"])
        #expect(body.onUnfit.value == .pass && body.bytesMax == .init(value: 65_536, origin: .builtIn))
        let statuses = read.plugins.responseTransform?.status.map { "\($0.from)=\($0.to.value)" }
        #expect(statuses == ["5xx=503", "500=504"])

        let off = try route("request_transform: {enabled: false}", file: file, gateway: gateway)
        #expect(off.plugins.requestTransform == nil && off.plugins.responseTransform != nil)
    }

    private struct Unexpected: Error {}

    @Test(
        "members are JSON where they are written as such",
        arguments: [
            ("true", .literal("true")), ("null", .literal("null")), ("-1.5e3", .literal("-1.5e3")),
            ("0", .literal("0")),
            ("\"0\"", .text(.init(parts: [.literal("0")]))), ("01", .text(.init(parts: [.literal("01")]))),
            ("1e999", .text(.init(parts: [.literal("1e999")]))), ("True", .text(.init(parts: [.literal("True")]))),
            ("1.", .text(.init(parts: [.literal("1.")]))), ("yes", .text(.init(parts: [.literal("yes")]))),
        ] as [(String, JSONMemberValue)])
    func members(written: String, value: JSONMemberValue) throws {
        let read = try route("request_transform: {body: {json: {set: {/a: \(written)}}}}")
        guard case .json(let edit)? = read.plugins.requestTransform?.body?.change else { throw Unexpected() }
        #expect(edit.set.first?.value.value == value)
    }

    @Test("what counts changes the digest, and the effective configuration shows it")
    func digest() throws {
        let variants = [
            "headers: {set: {A: b}}", "headers: {append: {A: b}}", "headers: {replace: {A: b}}",
            "headers: {rename: {A: b}}",
            "query: {set: {A: b}}", "headers: {set: {A: \"{query.b}\"}}", "method: PUT", "path: /a",
            "body: {json: {set: {/a: 1}}}", "body: {json: {set: {/a: \"1\"}}}", "body: {json: {append: {/a: 1}}}",
            "body: {json: {set: {/a: 1}}, bytes_max: 1KiB}", "body: {json: {set: {/a: 1}}, on_unfit: pass}",
        ]
        var digests: Set<String> = []
        for variant in variants {
            let bank = plainBank + "\n    plugins: {request_transform: {\(variant)}}\n"
            let result = MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": bank]).load()
            let configuration = try #require(result.configuration, "\(findings(result))")
            digests.insert(configuration.digest)
            #expect(EffectiveConfiguration.json(configuration).contains("request_transform"))
        }
        #expect(digests.count == variants.count)
    }

    @Test("templates of any bytes are read or refused")
    func noise() {
        let pieces = [
            "{", "}", "{{", "}}", "|", "'", "''", "default:", "default:'", "query.", "header.", "claim.", "path.id",
            "host",
            "lower", "hash", "a", "é", " ", ".", "|base64", "{host}", "{query.a|default:'x'}",
        ]
        var random = FuzzPlan.random(seed: 91)
        var taken = 0
        for _ in 0..<FuzzPlan.iterations(usual: 300) {
            let count = Int.random(in: 0..<8, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let quoted = text.replacing("'", with: "''")
            guard let read = try? self.read("request_transform: {query: {set: {a: '\(quoted)'}}}") else { continue }
            taken += 1
            #expect(read.plugins.requestTransform?.query.set.first?.value.value.description == text)
        }
        #expect(taken > 0)
    }

    private func read(_ plugins: String) throws -> Route {
        let bank = plainBank + "\n    plugins: {\(plugins)}\n"
        let result = MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": bank]).load()
        guard let route = result.configuration?.domains.first?.routes.first else { throw Unexpected() }
        return route
    }
}
