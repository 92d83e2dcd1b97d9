import PluginKit

extension UnsafePointer<apus_host> {
    /// Executes a command of the server on the management thread, which logs its answer: what `shm_status()` and its kin write.
    public func logAnswer(of command: apus_str, _ arguments: [String] = []) {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        for argument in arguments {
            bytes += argument.utf8
            ends.append(bytes.count)
        }
        bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            let texts = ends.map { end in
                defer { start = end }
                return apus_str(start: bytes.baseAddress.map { $0 + start }, count: end - start)
            }
            texts.withUnsafeBufferPointer {
                pointee.rpc.pointee.execute(
                    self, command, $0.baseAddress, UInt32($0.count),
                    { host, _, answer, _ in
                        host.log(.notice, "memory: \(answer.string)")
                    }, nil)
            }
        }
    }
}
