import Base
import Foundation
import JOSE
import Testing

/// What the parts of the hot path cost, printed: `BENCHMARK=1 swift test -c release --filter JOSETests.Benchmark`.
@Suite("Benchmark", .enabled(if: ProcessInfo.processInfo.environment["BENCHMARK"] != nil, "BENCHMARK is not set"))
struct Benchmark {
    private static let claims = """
        {"iss":"https://idp.example.com/realms/bank-a","sub":"f3a1c6f0-7c1e-4f6c-9a55-0d6f3f1c2b7a","aud":["gateway",\
        "account"],"exp":1893456000,"iat":1700000000,"nbf":1700000000,"jti":"0e7b2f3c-4a5d-4f3c-8b1a-1d2e3f4a5b6c",\
        "azp":"portal","typ":"Bearer","scope":"openid profile email accounts:read payments:write","user_id":12345,\
        "tenant":"bank-a","email":"user@bank-a.example","email_verified":true,"preferred_username":"user","realm_access"\
        :{"roles":["offline_access","uma_authorization","customer"]},"resource_access":{"account":{"roles":[\
        "manage-account","manage-account-links","view-profile"]}},"session_state":"a2f5c8f0-13d4-4b7b-a7ce-0b0b4d1c9d8e"}
        """

    /// What this thread has had of the processor, in nanoseconds: other programs on the machine don't count.
    private static func processorTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// The best of several runs, in nanoseconds for each call.
    private func best(_ count: Int, _ body: () -> Void) -> Double {
        var best = Double.infinity
        for _ in 0..<7 {
            let start = Self.processorTime()
            for _ in 0..<count { body() }
            best = min(best, Double(Self.processorTime() - start) / Double(count))
        }
        return best
    }

    @Test("reading")
    func reading() throws {
        let view = ByteView.kept(Self.claims)
        let document = JSONDocument()
        print("JSON claims, \(view.count) bytes: \(best(20_000) { _ = try? document.read(view, limits: .claims) }) ns")
        let root = try document.read(view, limits: .claims)
        let name = ByteView("session_state")
        print("last member of \(root.count): \(best(100_000) { _ = root.member(name) }) ns")
        let text = ByteView.kept(Base64URL.encode(Array(Self.claims.utf8)))
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 2048)
        defer { memory.deallocate() }
        print("base64url decode, \(text.count): \(best(20_000) { _ = Base64URL.decode(text, into: memory) }) ns")
        print("base64url encode, \(view.count): \(best(20_000) { _ = Base64URL.encode(view, into: memory) }) ns")
        let hasher = SHA256Hasher()
        print("SHA-256, \(text.count): \(best(20_000) { _ = hasher.digest(text) }) ns")
    }

    @Test("signatures", arguments: [SignatureAlgorithm.rs256, .ps256, .es256, .edDSA])
    func signatures(algorithm: SignatureAlgorithm) throws {
        let key = try SigningKey.generate(algorithm, keyID: "key")
        let token = ByteView.kept(try signed(key, Self.claims))
        let compact = CompactToken()
        let verifier = TokenVerifier(KeySet(keys: [key.verificationKey]), algorithms: .asymmetric)
        let reading = best(5_000) {
            try? compact.read(token, maximumCount: 8192)
            _ = try? compact.claims()
        }
        let verifying = best(500) { _ = try? verifier.verify(compact) }
        let signer = try TokenSigner(key)
        var output = IOBuffer(capacity: 8192)
        let claims = ByteView.kept(Self.claims)
        let signing = best(200) {
            output.removeAll()
            try? signer.sign(claims, to: &output)
        }
        print("\(algorithm.name), \(token.count) bytes: read \(reading), verify \(verifying), sign \(signing) ns")
    }
}
