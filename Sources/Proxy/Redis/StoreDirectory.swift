import Base
import Configuration
import Observability
import TLS

/// What the control thread keeps of the stores: how each loop stands with each of them, over reloads.
final class StoreDirectory {
    /// By the store's name, one for each loop.
    private var statuses: [String: [StoreStatus]] = [:]
    private let log: Observability.ErrorLog

    init(log: Observability.ErrorLog) { self.log = log }

    /// The stores of a configuration, with what is kept of the present one's.
    struct Plan {
        fileprivate var statuses: [String: [StoreStatus]] = [:]
        /// Every loop's own.
        fileprivate(set) var byWorker: [[StorePlan]] = []
    }

    /// Changes nothing that is in force.
    func plan(_ stores: [SharedStore], workerCount: Int, names: NameDirectory) -> Plan {
        var plan = Plan()
        for store in stores {
            let kept = statuses[store.name].flatMap { $0.count == workerCount ? $0 : nil }
            plan.statuses[store.name] = kept ?? (0..<workerCount).map { _ in StoreStatus(name: store.name) }
        }
        plan.byWorker = (0..<workerCount).map { worker in
            stores.compactMap { store in
                guard let status = plan.statuses[store.name]?[worker] else { return nil }
                var addresses: [String: [IPAddress]] = [:]
                for name in store.hostNames { addresses[name] = names.addresses(of: name) }
                return StorePlan(settings: store, addresses: addresses, tls: context(store), status: status)
            }
        }
        return plan
    }

    /// Made here, as the authorities' file is read for it. A store that must have one and doesn't is never connected
    /// to.
    private func context(_ store: SharedStore) -> TLSClientContext? {
        guard let tls = store.redis.tls else { return nil }
        do throws(TLSSetupError) {
            return try TLSClientContext(
                roots: tls.authorities.map { .file($0.value.path) } ?? .system, speaksHTTP: false)
        } catch {
            log.error("a store's TLS can't be set up") { line in
                line.field("store", store.name)
                line.field("error", error.description)
            }
            return nil
        }
    }

    /// The plan is in force. Stores that it doesn't name are forgotten.
    func commit(_ plan: Plan) { statuses = plan.statuses }

    /// All stores with every loop's standing, by name.
    var status: [(name: String, loops: [StoreStatus])] {
        statuses.map { (name: $0.key, loops: $0.value) }.sorted { $0.name < $1.name }
    }
}

extension StoreStatus {
    /// What the metrics tell of a store, over all loops.
    package static func sample(_ name: String, _ loops: [StoreStatus]) -> StoreSample {
        func sum(_ count: Count) -> UInt64 { loops.reduce(0) { $0 &+ $1.value(count) } }
        var sample = StoreSample(name: name)
        sample.readyLoops = loops.count { $0.standing == .ready }
        sample.checks = [
            ("answered", sum(.answered)), ("timed-out", sum(.timedOut)), ("lost", sum(.lost)),
            ("refused", sum(.refused)), ("overflowed", sum(.overflowed)), ("skipped", sum(.skipped)),
        ]
        sample.connects = sum(.connected)
        sample.connectFailures = sum(.connectFailed)
        sample.openings = sum(.opened)
        sample.waitedNanoseconds = sum(.waited)
        return sample
    }
}
