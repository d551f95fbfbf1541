/// How large the parts of one message may be. Every limit is inclusive.
package struct MessageLimits: Sendable, Equatable {
    /// Bytes of all field lines with their line ends; in responses of the whole head, as nothing else limits the status
    /// line. Beyond: 431.
    package var headBytes = 32 * 1024
    /// Fields in a head. Beyond: 431.
    package var fieldCount = 100
    /// Bytes of the request target (RFC 9112 section 3 wants 8000 at least). Beyond: 414.
    package var targetBytes = 8 * 1024
    /// Bytes of a method's name. Beyond: 501.
    package var methodBytes = 32
    /// Bytes of all chunk extensions of a message together. Beyond: 400.
    package var chunkExtensionBytes = 1024
    /// Bytes of the trailer section. Beyond: 431. It is held in the reader's buffer until it is complete.
    package var trailerBytes = 4 * 1024
    /// Fields in the trailer section, dropped ones included. Beyond: 431.
    package var trailerCount = 32

    package init() {}
}
