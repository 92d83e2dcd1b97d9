import PluginKit

// Invariants: there is one State, allocated when the module is loaded and never freed. It is written on the main thread, while the module
// declares itself and starts, and only read by workers.

/// What the module keeps for the life of the server.
struct State {
    /// tm's interface; nil when it is not loaded.
    var tm: UnsafePointer<tm_api>?
    /// Message slot: its `Iterators`.
    var iterators: CInt = -1
}

extension UnsafeMutableRawPointer? {
    /// The State that the module's functions and variables were declared with.
    var state: UnsafeMutablePointer<State> { unsafelyUnwrapped.assumingMemoryBound(to: State.self) }
}
