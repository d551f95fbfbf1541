import Base
import Configuration
import Testing

@Suite struct LoadingTests {
    @Test("a gateway.yaml and a domain file load, with every effective value")
    func plainFolder() throws {
        let result = MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": plainBank]).load()
        #expect(findings(result) == [])
        let configuration = try #require(result.configuration)
        #expect(configuration.listeners.map(\.name) == ["external", "internal"])
        let domain = try #require(configuration.domains.first)
        let route = try #require(domain.routes.first)
        #expect(route.identity == "bank/read-account")
        #expect(route.match.hosts.map(\.value) == [.exact("api.bank.example.com"), .wildcard("shop.example.com")])
        #expect(route.match.listeners.map(\.value.name) == ["external"])
        #expect(route.match.path.value.segments == [.literal("v1"), .literal("accounts"), .parameter("id")])
        #expect(route.timeouts.request == Setting(value: .seconds(60), origin: .builtIn))
    }
}
