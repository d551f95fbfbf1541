/// The claims that a route's plugins read with each request. A plugin asks for a claim when it is compiled, and reads
/// it by the index that it gets: `Caller.claim(_:)`.
final class ClaimSlots {
    private(set) var paths: [ConfiguredClaimPath] = []

    /// The place of the claim, one for each path.
    func index(of path: ConfiguredClaimPath) -> Int {
        if let known = paths.firstIndex(of: path) { return known }
        paths.append(path)
        return paths.count - 1
    }
}
