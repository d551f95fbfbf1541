import Base
import EventLoop
import Identity
import JOSE
import Linux
import Observability

/// The keys of all issuers, kept fresh. Lives on the control thread; workers send their look-ups there by mail.
///
/// Nothing here waits: an issuer that is down keeps its last good keys, or has none yet, while the others are served.
/// As long as the origin of its keys is the same, an issuer keeps them over reloads, whatever else changes.
package final class IssuerDirectory {
    /// Called on the control thread when an issuer's keys are others than before; nil when it has none any more, as it
    /// is gone or they come from somewhere else.
    package var onKeys: ((_ issuer: String, _ keys: KeySet?) -> Void)?
    /// Called on the control thread with what becomes of look-ups, and of the fetches that they wait for.
    package var onNews: ((_ issuer: String, _ news: KeyNews) -> Void)?

    let resolver: HostResolver
    private let loop: EventLoop
    private let log: ErrorLog
    private var sources: [String: IssuerSource] = [:]
    private var randomSource = RandomSource(seed: systemEntropy())

    /// - Parameter loop: the control thread's.
    package init(loop: EventLoop, log: ErrorLog) {
        self.loop = loop
        self.log = log
        resolver = HostResolver(loop: loop)
    }

    /// Serves these issuers from now on. New ones are fetched at once, in the background; files are read before this
    /// returns, those of issuers that stay too.
    package func update(_ settings: [IssuerSettings]) {
        var wanted: [String: IssuerSettings] = [:]
        for issuer in settings { wanted[issuer.name] = issuer }
        for (name, source) in sources where wanted[name]?.origin != source.settings.origin {
            source.stop()
            sources[name] = nil
            if source.keys != nil { onKeys?(name, nil) }
            // Requests that wait for its keys would wait for ever.
            onNews?(name, .gone)
        }
        for issuer in settings {
            if let source = sources[issuer.name] {
                source.adopt(issuer)
                source.reread()
            } else {
                let source = IssuerSource(issuer, directory: self, loop: loop)
                sources[issuer.name] = source
                source.start()
            }
        }
    }

    /// Fetches no more keys by itself: the gateway is about to end. What requests under way wait for still comes.
    package func quiesce() { for source in sources.values { source.quiesce() } }

    /// A client needs a key of `issuer` that is not there; `onNews` will tell what becomes of it, before or after this
    /// returns.
    ///
    /// A flood of these costs no fetches, but it costs the control thread's time: `KeyQuestions` sees to it that loops
    /// send few that can't change anything.
    /// - Parameter id: the key's (`kid`); nil when there are no keys at all yet.
    package func lookUp(issuer: String, kid id: String?) {
        guard let source = sources[issuer] else {
            onNews?(issuer, .gone)
            return
        }
        source.lookUp(id)
    }

    /// All issuers, by name.
    package var status: [IssuerStatus] {
        sources.values.map { IssuerStatus($0) }.sorted { $0.name < $1.name }
    }

    // MARK: What sources report

    func random() -> UInt64 { randomSource.next() }

    func changed(_ source: IssuerSource) {
        guard let keys = source.keys else { return }
        log.info("an issuer's keys are new") { line in
            line.field("issuer", source.settings.name)
            line.field("keys", keys.keys.count)
            if !keys.skipped.isEmpty { line.field("unusable_keys", keys.skipped.count) }
        }
        onKeys?(source.settings.name, keys)
    }

    func tell(_ source: IssuerSource, _ news: KeyNews) { onNews?(source.settings.name, news) }

    func failed(_ source: IssuerSource, _ problem: IssuerProblem) {
        log.warning("an issuer's keys could not be had") { line in
            line.field("issuer", source.settings.name)
            line.field("error", problem.text(hidesPlace: source.settings.hidesPlace))
            line.field("keys_kept", source.keys?.keys.count ?? 0)
        }
    }
}
