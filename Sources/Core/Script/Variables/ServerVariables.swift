import PluginAPI

/// `$pp`, `$version(k)`, `$stat(n)`, `$err.class` … : the server about itself.
extension CoreVariables {
    static func declareServer(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("pp", number: true, "Id of the server's process.") { _, out in
            out.give(ScriptEnvironment.current.facts.processID)
        }
        try declare.variable("sid", number: true, "The parameter server_id.") { _, out in
            out.give(ScriptEnvironment.current.facts.serverID)
        }
        try declare.variable("iuid", "Tells this start of this server from all others.") { _, out in
            out.give(ifAny: ScriptEnvironment.current.facts.instanceID)
        }
        try declare.variable("version", inner: "num|full|hash", "The server's version: num, full, or hash.") {
            let facts = ScriptEnvironment.current.facts
            switch $0.pointee.inner_id {
            case 0: return $1.give(facts.version)
            case 1: return $1.give(facts.fullVersion)
            default: return $1.give(facts.versionHash)
            }
        }
        try declare.variable(
            "ksr", inner: "ver|verval|worker", "The server's version, its number, or the number of this worker."
        ) {
            switch $0.pointee.inner_id {
            case 0: return $1.give(ScriptEnvironment.current.facts.version)
            case 1: return $1.give(ScriptEnvironment.current.facts.versionNumber)
            default: return $1.give($0.run.pointee.worker.pointee.index)
            }
        }
        try declare.variable("stat", inner: "*", dynamic: true, "A statistic: name, or group:name.") { access, out in
            var value: Int64 = 0
            guard ScriptEnvironment.current.statistic(access.pointee.inner, &value) else { return -1 }
            return out.give(value)
        }
        try declareErrors(declare)
    }

    /// The last error of parsing or processing, and the reply that fits it.
    private static func declareErrors(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("err.class", "Class of the last error: 1 parsing, 2 processing.") {
            let message = $0.message
            if message.record.pointee.fault != .none { return $1.give(1) }
            return message.routing.errorCode == 0 ? -1 : $1.give(2)
        }
        try declare.variable("err.level", "Level of the last error.") { $0.message.errorCode == 0 ? -1 : $1.give(1) }
        try declare.variable("err.info", "The last error in words.") { $1.give(ifAny: $0.message.errorReason) }
        try declare.variable("err.rcode", "Status code of the reply that fits the last error.") {
            let code = $0.message.errorCode
            return code == 0 ? -1 : $1.give(code)
        }
        try declare.variable("err.rreason", "Reason of the reply that fits the last error.") {
            $1.give(ifAny: $0.message.errorReason)
        }
    }
}

extension Message {
    /// 0 when nothing was wrong.
    fileprivate var errorCode: Int32 {
        let fault = record.pointee.fault
        return fault == .none ? routing.errorCode : Int32(fault.statusCode)
    }

    fileprivate var errorReason: Bytes {
        let fault = record.pointee.fault
        return fault == .none ? routing.errorReason : Bytes(fault.reason)
    }
}
