import PluginKit

// Invariants: there is one State, for ever. It is written on the main thread while the module declares itself and starts, and only read from then on, but for
// `nextStripe`, which belongs to the worker that has the timer.

/// What the module keeps for the life of the server.
struct State {
    var activeLifetime: Int64 = 10800
    var beginLifetime: Int64 = 180
    var endLifetime: Int64 = 10
    var interval: Int64 = 30
    var hashBits: Int64 = 9
    var mostCalls: Int64 = 250_000
    /// Counter.
    var refused: UInt32 = 0

    /// Made again in `start`, when its size is known.
    var dialogs = DialogTable(bits: 0, most: 0)
    var nextStripe = 0

    /// Milliseconds between two looks at some of the calls.
    static let tick: UInt32 = 100

    static var parameters: [Parameter<State>] {
        [
            .number(
                "active_lifetime", \.activeLifetime, 10800, 1...Int64(Int32.max),
                doc: "Seconds that a call is kept after it was answered and acknowledged."),
            .number(
                "init_lifetime", \.beginLifetime, 180, 1...Int64(Int32.max),
                doc: "Seconds that a call is kept that does not come so far."),
            .number(
                "finish_lifetime", \.endLifetime, 10, 0...Int64(Int32.max),
                doc: "Seconds that a call is kept after it has ended, or was refused."),
            .number(
                "timer_interval", \.interval, 30, 1...86400,
                doc: "Seconds in which all calls are looked at once, for those whose time is over."),
            .number(
                "hash_size", \.hashBits, 9, 1...20, doc: "The calls are kept in so many parts: 2 to the power of it."),
            .number(
                "max_calls", \.mostCalls, 250_000, 1...Int64(Int32.max),
                doc: "Calls that are kept at a time; what comes then is not followed, and counted."),
        ]
    }
}

/// Made in `declare`. A plain pointer: messages read it without asking whether it is there.
private nonisolated(unsafe) var made: UnsafeMutablePointer<State>?

func makeState() { made = made ?? permanent(State()) }

var state: UnsafeMutablePointer<State> { made.unsafelyUnwrapped }
