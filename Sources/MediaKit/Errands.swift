import PluginKit

// Invariants: what an errand carries is plain data, copied before `send` returns.

extension UnsafePointer<apus_host> {
    /// [any] Has something done on a worker, when that has time. False: memory is out.
    func send<Data: BitwiseCopyable>(
        to worker: UInt32, _ data: Data,
        _ run: @escaping @convention(c) (Host, UnsafeMutableRawPointer) -> CInt
    ) -> Bool {
        var data = data
        return withUnsafeMutableBytes(of: &data) { bytes in
            var errand = apus_errand(
                size: UInt32(MemoryLayout<apus_errand>.size), worker: worker, data: bytes.baseAddress,
                count: bytes.count, texts: nil, text_count: 0, reserved: 0, run: run)
            return pointee.worker.pointee.send(self, &errand) > 0
        }
    }
}
