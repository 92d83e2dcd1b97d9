import PluginKit
import Synchronization

/// `set_gflag(flag)`
func setFlag(_ call: Call) -> CInt {
    call.state.pointee.numbers.pointee.flags.bitwiseOr(call.flag, ordering: .relaxed)
    return .true
}

/// `reset_gflag(flag)`
func resetFlag(_ call: Call) -> CInt {
    call.state.pointee.numbers.pointee.flags.bitwiseAnd(~call.flag, ordering: .relaxed)
    return .true
}

/// `is_gflag(flag)`
func isFlag(_ call: Call) -> CInt {
    call.state.pointee.numbers.pointee.flags.load(ordering: .relaxed) & call.flag != 0 ? .true : .false
}

extension UnsafePointer<apus_call> {
    /// The first argument, a flag, as its bit.
    fileprivate var flag: UInt32 { 1 << UInt32(truncatingIfNeeded: int(0)) }
}
