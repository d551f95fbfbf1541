import Base
import EventLoop
import Identity
import JOSE
import Linux

/// One issuer's keys and what brings them: fetches when `KeyRefresh` says so, or reads its file. Lives on the control
/// thread's loop.
final class IssuerSource: EventHandler {
    private(set) var settings: IssuerSettings
    /// The last good ones.
    private(set) var keys: KeySet?
    private(set) var lastSuccess: WallTime?
    /// Of the last attempt; nil when it went well.
    private(set) var problem: IssuerProblem?
    private(set) var lastFailure: WallTime?
    private(set) var counts = IssuerCounts()

    private unowned let directory: IssuerDirectory
    private let loop: EventLoop
    private var refresh: KeyRefresh
    private var registration = Registration.none
    private var fetch: KeyFetch?
    private var isQuiet = false
    /// Where the discovery document said that the keys are, and until when that is believed.
    private var discovered: (url: FetchURL, until: MonotonicTime)?

    init(_ settings: IssuerSettings, directory: IssuerDirectory, loop: EventLoop) {
        self.settings = settings
        self.directory = directory
        self.loop = loop
        refresh = KeyRefresh(schedule: settings.schedule, now: SystemClock.monotonic())
    }

    // MARK: Life

    /// Begins the first fetch, or reads the file.
    func start() {
        if case .file = settings.source { return reread() }
        registration = loop.add(self)
        timerFired()
    }

    /// Goes on by other settings, of the same origin: the keys stay, and what is under way.
    func adopt(_ fresh: IssuerSettings) {
        settings = fresh
        refresh.adopt(fresh.schedule, now: SystemClock.monotonic())
        if !isFile { schedule() }
    }

    /// Ends all activity without a word to anybody.
    func stop() {
        loop.remove(registration)
        registration = .none
        let underWay = fetch
        fetch = nil
        underWay?.cancel()
    }

    /// Fetches no more by itself. A fetch under way goes on, and look-ups for clients are still made.
    func quiesce() { isQuiet = true }

    /// Reads the file again, if the keys come from one.
    func reread() {
        guard case .file(let path) = settings.source else { return }
        do throws(IssuerProblem) {
            succeeded(try Self.read(path), freshness: nil)
        } catch {
            failed(error)
        }
    }

    /// A client needs a key that is not there. However it ends, the directory hears of it.
    func lookUp(_ id: String?) {
        let now = SystemClock.monotonic()
        // A file is read when the configuration is.
        var outcome = KeyRefresh.LookUp.refuse(until: now + Self.filePause, everybody: true)
        if !isFile { outcome = refresh.lookUp(id, now: now) }
        counts.count(outcome)
        switch outcome {
        case .fetch:
            directory.tell(self, .expected(id))
            begin()
        case .wait: directory.tell(self, .expected(id))
        case .refuse(until: let until, everybody: true): directory.tell(self, .quiet(id, until: until))
        case .refuse(until: let until, everybody: false): directory.tell(self, .refused(id, until: until))
        }
    }

    private static let filePause = TimeAmount.milliseconds(100)

    func handle(_ events: EventSet) {}

    func timerFired() {
        guard !isQuiet else { return }
        if refresh.tick(now: SystemClock.monotonic()) == .fetch { begin() }
        schedule()
    }

    private func schedule() {
        guard let next = refresh.nextTick else { return }
        loop.wake(registration, at: next)
    }

    // MARK: Fetching

    private func begin() {
        directory.tell(self, .fetching)
        let now = SystemClock.monotonic()
        let deadline = now + settings.fetchTimeout
        switch settings.source {
        case .file: break
        case .jwks(let url): fetchKeys(url, deadline)
        case .discovery(let url):
            if let discovered, discovered.until > now {
                fetchKeys(discovered.url, deadline, rediscoveringAt: url)
            } else {
                discover(url, deadline) { [self] result in
                    switch result {
                    case .failure(let problem): failed(problem)
                    case .success(let keySet): fetchKeys(keySet, deadline)
                    }
                }
            }
        }
    }

    private func discover(
        _ url: FetchURL, _ deadline: MonotonicTime, _ done: @escaping (Result<FetchURL, IssuerProblem>) -> Void
    ) {
        get(url, deadline) { [self] result in
            switch result {
            case .failure(let failure): done(.failure(.discoveryNotFetched(url, failure)))
            case .success(let document):
                do throws(DiscoveryDocument.Problem) {
                    let found = try document.content.withView { (view) throws(DiscoveryDocument.Problem) in
                        try DiscoveryDocument(view, issuer: settings.issuer, allowsHTTP: settings.allowsHTTP)
                    }
                    discovered = (found.keySet, SystemClock.monotonic() + settings.schedule.intervalMax)
                    done(.success(found.keySet))
                } catch {
                    done(.failure(.discoveryRefused(url, error)))
                }
            }
        }
    }

    /// - Parameter discovery: where to ask again for the place of the keys when the key that this fetch is made for
    ///   isn't among them: the issuer may have moved them, and serve the old ones on. Nil when that has been asked just
    ///   now.
    private func fetchKeys(_ url: FetchURL, _ deadline: MonotonicTime, rediscoveringAt discovery: FetchURL? = nil) {
        get(url, deadline) { [self] result in
            switch result {
            case .failure(let failure):
                discovered = nil
                failed(.keysNotFetched(url, failure))
            case .success(let document):
                do throws(KeySetProblem) {
                    let keys = try KeySet.judged(jwks: document.content)
                    guard let discovery, refresh.isInVain(isKnown: { $0.withByteView { keys.hasKey($0) } }) else {
                        return succeeded(keys, freshness: document.freshness)
                    }
                    discover(discovery, deadline) { [self] result in
                        if case .success(let place) = result, place != url { return fetchKeys(place, deadline) }
                        succeeded(keys, freshness: document.freshness)
                    }
                } catch {
                    discovered = nil
                    failed(.keysRefused(url, error))
                }
            }
        }
    }

    private func get(
        _ url: FetchURL, _ deadline: MonotonicTime, _ done: @escaping (Result<FetchedDocument, KeyFetchFailure>) -> Void
    ) {
        let fetch = KeyFetch(
            url, roots: settings.caFile.map { .file($0) } ?? .system, deadline: deadline, loop: loop
        ) { [weak self] result in
            // After `stop` nobody wants to hear of it.
            guard let self, self.fetch != nil else { return }
            self.fetch = nil
            done(result)
        }
        self.fetch = fetch
        fetch.start(resolver: directory.resolver)
    }

    /// The keys of a file.
    static func read(_ path: String) throws(IssuerProblem) -> KeySet {
        let content: [UInt8]?
        do throws(Errno) {
            content = try readFile(path: path, bytesMax: KeyFetch.contentBytesMax)
        } catch {
            throw .fileNotRead(path: path, error)
        }
        guard let content else { throw .fileTooLarge(path: path, limit: KeyFetch.contentBytesMax) }
        do throws(KeySetProblem) {
            return try KeySet.judged(file: content)
        } catch {
            throw .fileRefused(path: path, error)
        }
    }

    // MARK: Results

    private func succeeded(_ fresh: KeySet, freshness: TimeAmount?) {
        counts.succeeded &+= 1
        lastSuccess = WallTime(nanoseconds: SystemClock.wallNanoseconds())
        problem = nil
        let isChanged = keys.map { !$0.hasSameKeys(as: fresh) } ?? true
        if isChanged { keys = fresh }
        let next = refresh.fetched(
            freshness: freshness, now: SystemClock.monotonic(), random: directory.random(),
            isKnown: { $0.withByteView { fresh.hasKey($0) } })
        schedule()
        if isChanged { directory.changed(self) }
        switch next {
        case .fetch: begin()
        case .none: directory.tell(self, .settled)
        }
    }

    private func failed(_ problem: IssuerProblem) {
        counts.failed &+= 1
        self.problem = problem
        lastFailure = WallTime(nanoseconds: SystemClock.wallNanoseconds())
        refresh.failed(now: SystemClock.monotonic(), random: directory.random())
        schedule()
        directory.failed(self, problem)
        directory.tell(self, .settled)
    }

    private var isFile: Bool { if case .file = settings.source { true } else { false } }

    /// Until the next fetch; nil while one is under way, and for files.
    var untilNextFetch: TimeAmount? {
        guard !isFile, let next = refresh.nextTick else { return nil }
        return max(.zero, next - SystemClock.monotonic())
    }
}

/// What happened since the issuer is known.
package struct IssuerCounts: Sendable, Equatable {
    /// Attempts to fetch or read the keys.
    package internal(set) var succeeded: UInt64 = 0
    package internal(set) var failed: UInt64 = 0
    /// Look-ups of keys that were not there: a fetch was made, one was under way, or it was refused.
    package internal(set) var lookUpsFetched: UInt64 = 0
    package internal(set) var lookUpsJoined: UInt64 = 0
    package internal(set) var lookUpsRefused: UInt64 = 0

    mutating func count(_ outcome: KeyRefresh.LookUp) {
        switch outcome {
        case .fetch: lookUpsFetched &+= 1
        case .wait: lookUpsJoined &+= 1
        case .refuse: lookUpsRefused &+= 1
        }
    }
}
