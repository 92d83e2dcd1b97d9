import PluginAPI

/// Flags of branches and of AVPs.
extension CoreFunctions {
    static func declareBranchFlags(_ declare: Declaring) throws(Registry.Refusal) {
        let anywhere = RouteKind.any
        try declare.function(
            "setbflag", "flag:flag, branch:int?", routes: anywhere, "Sets a flag of a branch; 0 is the Request-URI."
        ) { call in
            call.changeBranchFlags { $0 | call.flagBit(0) } == nil ? -1 : 1
        }
        try declare.function(
            "resetbflag", "flag:flag, branch:int?", routes: anywhere, "Clears a flag of a branch."
        ) { call in
            call.changeBranchFlags { $0 & ~call.flagBit(0) } == nil ? -1 : 1
        }
        try declare.function(
            "isbflagset", "flag:flag, branch:int?", routes: anywhere, "True when the branch has the flag."
        ) { call in
            guard let flags = call.changeBranchFlags({ $0 }) else { return -1 }
            return flags & call.flagBit(0) != 0 ? 1 : -1
        }
    }

    static func declareAVPFlags(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.function("setavpflag", "avp:variable, flag:avpflag", "Sets a flag of the newest AVP of a name.") {
            guard let node = $0.avpNode else { return -1 }
            node.pointee.flags |= $0.flagBit(1)
            return 1
        }
        try declare.function("resetavpflag", "avp:variable, flag:avpflag", "Clears a flag of the newest AVP of a name.")
        {
            guard let node = $0.avpNode else { return -1 }
            node.pointee.flags &= ~$0.flagBit(1)
            return 1
        }
        try declare.function(
            "isavpflagset", "avp:variable, flag:avpflag", "True when the newest AVP of a name has the flag."
        ) {
            guard let node = $0.avpNode else { return -1 }
            return node.pointee.flags & $0.flagBit(1) != 0 ? 1 : -1
        }
    }
}

extension UnsafePointer<apus_call> {
    /// An argument that is a flag, as its bit.
    fileprivate func flagBit(_ index: Int) -> UInt32 {
        1 << UInt32(truncatingIfNeeded: argument(index).num & 31)
    }

    /// Changes the flags of the branch that the second argument means, the Request-URI without one. Nil when there is no such branch.
    fileprivate func changeBranchFlags(_ change: (UInt32) -> UInt32) -> UInt32? {
        let message = coreMessage
        let place = has(1) ? argument(1).num : 0
        if place == 0 {
            message.routing.current.flags = change(message.routing.current.flags)
            return message.routing.current.flags
        }
        guard place > 0, place <= Int64(message.branchCount), let branches = message.routing.branches else {
            return nil
        }
        branches[Int(place) - 1].flags = change(branches[Int(place) - 1].flags)
        return branches[Int(place) - 1].flags
    }

    /// The newest value of the AVP that the first argument names; nil when there is none.
    fileprivate var avpNode: UnsafeMutablePointer<AVPList.Node>? {
        guard let variable = argument(0).variable else { return nil }
        let compiled = UnsafePointer<CompiledVariable>(variable)
        guard let key = AVPList.Key(compiled, coreRun) else {
            coreRun.logAtStatement(.error, "not an AVP: ", compiled.pointee.text.bytes)
            return nil
        }
        return AVPList.find(key, from: coreRun.avpList?.pointee.first)
    }
}
