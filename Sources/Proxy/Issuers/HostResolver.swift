import Base
import EventLoop
import Linux

/// Looks names up for a loop. The system's resolver blocks, so each look-up has a thread of its own, which ends with
/// it.
final class HostResolver {
    /// Look-ups under way at a time; more are refused, so that a resolver that hangs doesn't gather threads.
    static let lookUpsMax = 16

    private let mailbox: Mailbox
    private var count = 0

    init(loop: EventLoop) { mailbox = loop.mailbox }

    /// - Parameter done: called on the loop, later.
    func resolve(_ name: String, done: @escaping (Result<[IPAddress], KeyFetchFailure>) -> Void) {
        let mailbox = mailbox
        let request = LoopBound(Request(self, done))
        guard count < Self.lookUpsMax else { return mailbox.post { request.value.done(.failure(.resolverBusy)) } }
        count += 1
        do throws(Errno) {
            try Thread.start(name: "resolver") {
                let result: Result<[IPAddress], KeyFetchFailure>
                do throws(ResolverError) {
                    let addresses = try resolveAddresses(of: name)
                    result = addresses.isEmpty ? .failure(.noAddress) : .success(addresses)
                } catch {
                    result = .failure(.unresolved(error))
                }
                mailbox.post { request.value.finish(result) }
            }
        } catch {
            mailbox.post { request.value.finish(.failure(.noThread(error))) }
        }
    }

    private final class Request {
        private let resolver: HostResolver
        let done: (Result<[IPAddress], KeyFetchFailure>) -> Void

        init(_ resolver: HostResolver, _ done: @escaping (Result<[IPAddress], KeyFetchFailure>) -> Void) {
            self.resolver = resolver
            self.done = done
        }

        func finish(_ result: Result<[IPAddress], KeyFetchFailure>) {
            resolver.count -= 1
            done(result)
        }
    }
}
