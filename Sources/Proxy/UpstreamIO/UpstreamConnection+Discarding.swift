import Base
import HTTP

/// The rest of an answer that nobody will get. A little of it is read on, so that the connection can be used again; the
/// exchange doesn't wait for that.
extension UpstreamConnection {
    /// More of an answer isn't read only to keep its connection, in bytes.
    static let discardedBytesMax = 64 * 1024
    /// Nor is it waited for any longer.
    static let discardTime = TimeAmount.seconds(1)

    /// The exchange, which has the head of its answer, wants nothing of what follows it.
    func discardAnswer() {
        guard let exchange else { return }
        self.exchange = nil
        let endsInTime = body.isFinished || !body.mayEndHere && body.expectedBytes <= Self.discardedBytesMax
        guard state == .content, endsInTime, isRequestComplete, output.isEmpty, exchange.responseHead.isPersistent
        else { return close() }
        state = .discarding
        receivedBytes = input.readableCount
        touch(Self.discardTime)
        discard()
        if state == .discarding { pool.noteDiscarding(self) }
    }

    /// Drops all that has come.
    func discard() {
        var trailers = HeaderList()
        while state == .discarding {
            do throws(MessageError) {
                switch try body.next(input.readable, trailers: &trailers) {
                case .data(_, let consumed): input.consume(consumed)
                case .end(let consumed):
                    input.consume(consumed)
                    return release(isPersistent: true)
                case .needsMore(let consumed):
                    input.consume(consumed)
                    guard receivedBytes <= Self.discardedBytesMax else { return close() }
                    guard fill() else { return }
                }
            } catch {
                close()
            }
        }
    }
}
