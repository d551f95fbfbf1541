import Base
import HTTP
import Plugins
import Routing
import Testing

private func block(_ text: String) throws -> CIDRBlock { try CIDRBlock(text: text) }
private func client(_ text: String) throws -> IPAddress { try #require(IPAddress(text: text)) }

@Suite("ip_restriction")
struct IPRestrictionTests {
    @Test(
        "deny wins, an empty allow lets everybody else in, and a non-empty one nobody else",
        arguments: [
            ([], [], "203.0.113.1", true),
            (["10.0.0.0/8"], [], "10.255.255.255", true),
            (["10.0.0.0/8"], [], "11.0.0.0", false),
            (["10.0.0.0/8"], [], "::1", false),
            ([], ["10.0.0.0/8"], "10.0.0.1", false),
            ([], ["10.0.0.0/8"], "9.255.255.255", true),
            ([], ["10.0.0.0/8"], "2001:db8::1", true),
            (["10.0.0.0/8"], ["10.1.0.0/16"], "10.1.2.3", false),
            (["10.0.0.0/8"], ["10.1.0.0/16"], "10.2.2.3", true),
            (["10.1.2.3"], ["10.1.2.3"], "10.1.2.3", false),
            (["2001:db8::/32"], [], "2001:db8:ffff::1", true),
            (["2001:db8::/32"], [], "2001:db9::1", false),
            // A mapped address is the IPv4 address in it.
            ([], ["10.0.0.0/8"], "::ffff:10.0.0.1", false),
            (["10.0.0.0/8"], [], "::ffff:10.0.0.1", true),
            (["0.0.0.0/0"], [], "8.8.8.8", true),
            (["0.0.0.0/0"], [], "2001:db8::1", false),
            (["::/0"], [], "8.8.8.8", false),
            ([], ["0.0.0.0/0", "::/0"], "8.8.8.8", false),
        ] as [([String], [String], String, Bool)])
    func table(allow: [String], deny: [String], address: String, isLetIn: Bool) throws {
        let rule = IPRestrictionRule(allow: try allow.map(block), deny: try deny.map(block))
        let refusal = rule.refusal(of: try client(address))
        #expect((refusal == nil) == isLetIn)
        if let refusal {
            #expect(refusal.status == 403)
            #expect("\(refusal.code)" == "ip-restricted")
        }
    }
}

@Suite("ip_restriction and clients whom nobody knows")
struct UnknownClientTests {
    @Test("they are refused, whatever is listed")
    func refused() throws {
        for (allow, deny) in [(["0.0.0.0/0", "::/0"], []), ([], ["10.0.0.0/8"]), ([], [])] {
            let rule = IPRestrictionRule(allow: try allow.map(block), deny: try deny.map(block))
            #expect(rule.refusal(of: nil)?.status == 403)
        }
    }
}

@Suite("The chain of plugins")
struct PluginChainTests {
    @Test("each plugin has its place, and a chain without any lets everybody in")
    func chain() throws {
        let request = RequestTransformRule(.init())
        let response = ResponseTransformRule(.init())
        let chain = PluginChain(
            ipRestriction: IPRestrictionRule(allow: [], deny: [try block("10.0.0.0/8")]), requestTransform: request,
            responseTransform: response)
        #expect(chain.requestTransform === request && chain.responseTransform === response && chain.hasTransforms)
        #expect(!PluginChain().hasTransforms)
        #expect(chain.accessRefusal(of: try client("10.0.0.1"))?.status == 403)
        #expect(chain.accessRefusal(of: try client("11.0.0.1"))?.status == nil)
        #expect(PluginChain().accessRefusal(of: try client("10.0.0.1"))?.status == nil)
    }
}
