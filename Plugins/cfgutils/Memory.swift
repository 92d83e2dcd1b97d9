import PluginKit

/// `shm_status()`
func logServerMemory(_ call: Call) -> CInt { call.logAnswer(of: "core.shmmem") }

/// `pkg_status()`
func logWorkerMemory(_ call: Call) -> CInt { call.logAnswerAboutWorker(of: "pkg.stats") }

/// `shm_summary()`
func logServerSummary(_ call: Call) -> CInt {
    _ = call.logAnswer(of: "core.shmmem")
    return call.logAnswer(of: "mod.stats", "all")
}

/// `pkg_summary()`
func logWorkerSummary(_ call: Call) -> CInt {
    _ = call.logAnswerAboutWorker(of: "pkg.stats")
    return call.logAnswer(of: "mod.stats", "all")
}

extension UnsafePointer<apus_call> {
    /// Executes a command of the server on the management thread, which logs its answer.
    fileprivate func logAnswer(of command: apus_str, _ arguments: apus_str...) -> CInt {
        arguments.withUnsafeBufferPointer {
            host.pointee.rpc.pointee.execute(host, command, $0.baseAddress, UInt32($0.count), logAnswerText, nil)
        }
        return .true
    }

    fileprivate func logAnswerAboutWorker(of command: apus_str) -> CInt {
        guard var number = writer(16) else { return .false }
        number.add(number: Int64(host.pointee.worker.pointee.index(host)))
        return logAnswer(of: command, "index", number.text)
    }
}

private let logAnswerText: @convention(c) (Host, CInt, apus_str, UnsafeMutableRawPointer?) -> Void = {
    host, _, answer, _ in host.log(.notice, "memory: \(answer.string)")
}
