/// `apus_msg`, the contract's name for a message, is its record.
extension Message {
    /// From the contract's handle.
    @inline(__always)
    init(opaque: OpaquePointer) { self.init(UnsafeMutablePointer(opaque)) }

    @inline(__always)
    var opaque: OpaquePointer { OpaquePointer(record) }
}
