import CLinux

/// Memory that begins as zeros, and of which the kernel gives each page only when it is first touched: for large tables
/// that may stay almost empty.
package enum ZeroedMemory {
    /// Nil when the process may not have that much. The corresponding C function is `calloc`.
    package static func allocate(byteCount: Int) -> UnsafeMutableRawPointer? { calloc(max(byteCount, 1), 1) }

    /// The corresponding C function is `free`.
    package static func free(_ memory: UnsafeMutableRawPointer) { CLinux.free(memory) }
}
