import PluginKit
import RoutingKit

/// `shm_status()`
func logServerMemory(_ call: Call) -> CInt {
    call.host.logAnswer(of: "core.shmmem")
    return .true
}

/// `pkg_status()`
func logWorkerMemory(_ call: Call) -> CInt {
    // Ranks of workers begin with 1.
    call.host.logAnswer(of: "pkg.stats", ["rank", "\(call.host.pointee.worker.pointee.index(call.host) + 1)"])
    return .true
}

/// `shm_summary()`
func logServerSummary(_ call: Call) -> CInt {
    _ = logServerMemory(call)
    call.host.logAnswer(of: "mod.stats", ["all"])
    return .true
}

/// `pkg_summary()`
func logWorkerSummary(_ call: Call) -> CInt {
    _ = logWorkerMemory(call)
    call.host.logAnswer(of: "mod.stats", ["all"])
    return .true
}
