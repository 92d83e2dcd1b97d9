import PluginAPI

/// Message, script and branch flags.
extension CoreFunctions {
    static func declareFlags(_ declare: Declaring) throws(Registry.Refusal) {
        let anywhere = RouteKind.any
        try declare.function("setflag", "flag:flag", routes: anywhere, "Sets a message flag.") {
            $0.coreMessage.routing.flags |= $0.flagBit
            return 1
        }
        try declare.function("resetflag", "flag:flag", routes: anywhere, "Clears a message flag.") {
            $0.coreMessage.routing.flags &= ~$0.flagBit
            return 1
        }
        try declare.function("isflagset", "flag:flag", routes: anywhere, "True when the message flag is set.") {
            $0.coreMessage.routing.flags & $0.flagBit != 0 ? 1 : -1
        }
        try declare.function("setsflag", "flag:flag", routes: anywhere, "Sets a script flag.") {
            $0.coreRun.pointee.flags |= $0.flagBit
            return 1
        }
        try declare.function("resetsflag", "flag:flag", routes: anywhere, "Clears a script flag.") {
            $0.coreRun.pointee.flags &= ~$0.flagBit
            return 1
        }
        try declare.function("issflagset", "flag:flag", routes: anywhere, "True when the script flag is set.") {
            $0.coreRun.pointee.flags & $0.flagBit != 0 ? 1 : -1
        }
    }
}

extension UnsafePointer<apus_call> {
    /// The first argument, a flag, as its bit.
    fileprivate var flagBit: UInt32 { 1 << UInt32(truncatingIfNeeded: argument(0).num & 31) }
}
