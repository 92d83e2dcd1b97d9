import PluginKit

// Invariants: set once, in `declare`, before anything else of the module runs.

extension State {
    /// The module's state for functions of `tm_api` that are handed nothing else.
    nonisolated(unsafe) static var shared: UnsafeMutablePointer<State>?
}
