/// Carries a reference to a letter that runs on the very thread that the reference belongs to.
package struct LoopBound<Value: AnyObject>: @unchecked Sendable {
    // Sendable because only the owner's thread opens it.
    package let value: Value
    package init(_ value: Value) { self.value = value }
}
