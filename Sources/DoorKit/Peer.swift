import PluginKit

extension UnsafeMutablePointer<apus_peer> {
    private var api: apus_door_api { pointee.host.pointee.door.pointee }

    /// False: it takes nothing any more.
    public func write(_ bytes: apus_str) -> Bool { api.write(self, bytes) > 0 }
    /// Bytes that were written and have not gone out.
    public var pending: Int { api.pending(self) }
    /// Whether the module is busy with this peer: nothing is read then.
    public func hold(_ on: Bool) { api.hold(self, on ? 1 : 0) }
    /// What was written goes out, then it ends.
    public func close() { api.close(self) }
}
