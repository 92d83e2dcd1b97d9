import Glibc
import PluginKit
import RoutingKit
import Synchronization

// Invariants: made when the module is loaded and never freed; `start` is written on the main thread before workers run.

/// What the module keeps for the life of the server.
struct State: ~Copyable {
    /// Seconds since 1970 when the server started.
    var start: UInt64 = 0
    /// Ids given out.
    let ids = Atomic<UInt64>(0)
}

func wallSeconds() -> Int { time(nil) }

/// `$sruid`
let uniqueID: @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt = { access, out in
    guard let user = access.pointee.user, var text = access.writer(80) else { return .false }
    let state = user.assumingMemoryBound(to: State.self)
    text.add("srid-")
    text.add(hex: state.pointee.start)
    text.add("-")
    text.add(hex: UInt64(getpid()))
    text.add("-")
    text.add(hex: state.pointee.ids.add(1, ordering: .relaxed).newValue)
    return out.answer(text.text)
}
