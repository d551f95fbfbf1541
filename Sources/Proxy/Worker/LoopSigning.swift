import Identity
import JOSE
import Plugins

/// What a loop signs its requests with, as long as any snapshot needs it.
///
/// ```
///          a snapshot that signs            one that doesn't, and requests
/// unused ──────────────────────▶ needed ───────────────────────▶ leaving ──▶ unused
///                                  ▲     still run by the other      │  the last of those has ended
///                                  └──── other keys, for a new one ──┘
/// ```
/// So a configuration without keys takes the private ones off the loop, but not from the requests under way.
final class LoopSigning {
    /// What is shown of the keys, too; nil until the control thread has said.
    private(set) var state: SigningState?
    private let mint: TokenMint
    private weak var present: SigningNeed?
    /// Whether the present snapshot signs nothing.
    private var isLeaving = false

    init(mint: TokenMint) { self.mint = mint }

    /// Signs by `state` from now on.
    func adopt(_ state: SigningState) throws(KeyError) {
        self.state = state
        isLeaving = false
        try mint.adopt(state)
    }

    /// Another snapshot is about to be served by. - Returns: what it has to keep, if it signs.
    func need(isNeeded: Bool) -> SigningNeed? {
        isLeaving = !isNeeded
        guard isNeeded else {
            if present == nil { forget() }
            return nil
        }
        let need = present ?? SigningNeed(self)
        present = need
        return need
    }

    fileprivate func needHasEnded() {
        if isLeaving { forget() }
    }

    private func forget() {
        state = nil
        mint.retire()
    }
}

/// Kept by the snapshots that sign; ends with the last of them.
final class SigningNeed {
    private let signing: LoopSigning

    fileprivate init(_ signing: LoopSigning) { self.signing = signing }

    deinit { signing.needHasEnded() }
}
