import Foundation
import HTTP
import Identity
import Observability
import Plugins
import Proxy
import Testing
import Upstream

/// docs/reference/errors.md is written by hand; these tests hold it to the program.
@Suite("Page of errors")
struct ErrorPageTests {
    private struct Row: Hashable {
        let code: String
        let status: Int
        /// The label; `–` for none.
        let refuser: String
        /// The label; `–` for none, empty where the table has no such column.
        var cause = ""

        init(_ code: StaticString, _ status: Int, _ refuser: Refuser?, cause: String = "") {
            self.init(code.description, status, refuser?.label.description ?? "–", cause)
        }

        init(_ code: String, _ status: Int, _ refuser: String, _ cause: String = "") {
            self.code = code
            self.status = status
            self.refuser = refuser
            self.cause = cause
        }

        init(_ answer: GatewayAnswer, cause: String = "") {
            self.init(answer.code, answer.status, answer.refuser, cause: cause)
        }

        init(_ refusal: IdentityRefusal) { self.init(refusal.code, refusal.status, .identity) }
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// What the page says.
    private static func written() throws -> [Row] {
        let page = try String(contentsOf: root.appendingPathComponent("docs/reference/errors.md"), encoding: .utf8)
        var hasCause = false
        return page.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map {
                $0.trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "`", with: "")
            }
            if cells.first == "Code" { hasCause = cells.contains("cause") }
            guard line.hasPrefix("| `"), cells.count >= 5, let status = Int(cells[1]) else { return nil }
            return Row(cells[0], status, cells[2], hasCause ? cells[3] : "")
        }
    }

    private static var answers: [Row] {
        [
            Row(.requestTimeout), Row(.requestTooSlow), Row(.redirectWithoutHost), Row(.truncatedRequest),
            Row(.notFound), Row(.methodNotAllowed), Row(.misdirected), Row(.encodedSlash), Row(.contentTooLarge),
            Row(.keysNotReady), Row(.concurrencyLimit),
            Row(.concurrencyWait), Row(.circuitOpen, cause: "–"), Row(.upgradeNotSupported), Row(.rateLimitKeyMissing),
            Row(.answersUnread),
            Row(.tooManyRequests(retryAfterSeconds: 1)), Row(.rateLimitUnavailable),
            Row("ip-restricted", 403, "access"), Row("response-body-unfit", 502, "transform"),
        ]
    }

    /// Those that only an upstream's answer can have stand for `malformed-response` there.
    private static var messages: [Row] {
        let ofResponses: Set<MessageError> = [
            .malformedStatusLine, .invalidStatusCode, .invalidReasonPhrase, .unsolicitedUpgrade,
        ]
        return MessageError.allCases.filter { !ofResponses.contains($0) }.map { Row(GatewayAnswer($0)) }
    }

    private static var failures: [Row] {
        let ends: [Failure] = [.clientLeft, .clientStalled, .drainEnded]
        return ends.map { Row($0.code, $0.status, $0.refuser) }
            + UpstreamError.allCases.map { error in
                let failure = Failure.upstream(error)
                return Row(
                    failure.code, failure.status, failure.refuser,
                    cause: failure.targetFailure?.label.description ?? "–")
            }
    }

    private static var identity: [Row] {
        let claims: [ClaimTextProblem] = [.missing, .null, .empty, .boolean, .notInteger, .array, .object]
        var reasons: [SPIFFERefusal.Reason] = [
            .noCase, .notSegment("c", 0), .tenantMissing, .tenantNotSegment(0), .tooLong, .invalid(.tooLong),
        ]
        reasons += claims.map { SPIFFERefusal.Reason.claim("c", $0) }
        let minting: [MintRefusal] = [
            .outerTokenExpires, .noSigningKey, .algorithmUnfit, .tenantMissing, .clientMissing, .tooLarge,
            .signingFailed,
        ]
        var tenants: [TenantRefusal] = [.tooLong, .controlCharacter, .foreign]
        tenants += claims.map { TenantRefusal.claim($0) }
        var refusals: [IdentityRefusal] = [
            .tokenMissing, .requestMalformed, .scopeMissing, .claimRefused, .issuerUnavailable,
        ]
        refusals += TokenProblem.allCases.map { IdentityRefusal.tokenInvalid($0) }
        refusals += reasons.map { IdentityRefusal.identityUnmapped(SPIFFERefusal($0, caseIndex: nil)) }
        refusals += tenants.map { IdentityRefusal.tenantRefused($0) }
        refusals += minting.map { IdentityRefusal.mintRefused($0) }
        return refusals.map { Row($0) }
    }

    private static var transforms: [Row] {
        let bodies: [BodyProblem] = [
            .notJSON, .notUTF8, .ambiguousType, .encoded, .tooLarge, .tooComplex(.tooDeep), .malformed(.invalidNumber),
            .unfit(.noElement), .valueNotUTF8,
        ]
        let problems: [TransformProblem] = [.value(.tooLong), .missing, .path, .methodWithoutContent]
        return bodies.map { Row($0.code, $0.status, .transform) }
            + problems.map { Row($0.refusal.code, $0.refusal.status, .transform) }
    }

    @Test("each code stands on the page once, with its status, who refuses and how it counts")
    func rows() throws {
        let written = try Self.written()
        let all = Set(Self.answers + Self.messages + Self.failures + Self.identity + Self.transforms)
        #expect(all.subtracting(written).map(\.code) == [], "missing, or otherwise on the page")
        #expect(Set(written).subtracting(all).map(\.code) == [], "on the page only")
        #expect(written.count == Set(written).count)
    }

    @Test("each text of the form of a code in the files that give codes is one of the page's")
    func sources() throws {
        let files = [
            "Proxy/Request/GatewayAnswer.swift", "Proxy/Request/Failure.swift",
            "Proxy/Request/Exchange+RateLimit.swift",
            "Proxy/Request/Exchange+Transform.swift", "Proxy/Redis/Exchange+Store.swift",
            "Upstream/UpstreamError.swift",
            "Plugins/Identity/IdentityRefusal.swift", "Plugins/JWT/TokenProblem.swift",
            "Plugins/SPIFFE/SPIFFERule.swift",
            "Plugins/SPIFFE/TenantRule.swift", "Plugins/InternalJWT/InternalTokenRule.swift",
            "Plugins/Transform/RequestTransformRule.swift", "Plugins/Transform/BodyEditRule.swift",
            "Plugins/IPRestriction/IPRestrictionRule.swift",
        ]
        let known = Set(try Self.written().map(\.code))
        let code = /"([a-z]+(?:-[a-z0-9]+)+)"/
        for file in files {
            let text = try String(contentsOf: Self.root.appendingPathComponent("Sources/" + file), encoding: .utf8)
            for match in text.matches(of: code) { #expect(known.contains(String(match.1)), "\(file): \(match.1)") }
        }
    }
}
