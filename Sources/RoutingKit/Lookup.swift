import PluginKit

// Invariants: the addresses lie in the lookup itself.

extension UnsafeMutablePointer<apus_lookup> {
    /// The addresses that were found: `count` of them.
    @inlinable @inline(__always)
    public var hops: UnsafeMutablePointer<apus_hop> {
        UnsafeMutableRawPointer(pointer(to: \.hops).unsafelyUnwrapped).assumingMemoryBound(to: apus_hop.self)
    }
}
