import PluginKit

extension UnsafePointer<apus_host> {
    /// In a `prepare`: room for so many values that lives as long as the script; nil when it has none.
    public func prepared<Value>(_ type: Value.Type, count: Int = 1) -> UnsafeMutablePointer<Value>? {
        pointee.script.pointee.allocate_prepared(self, MemoryLayout<Value>.stride * count)?
            .bindMemory(to: Value.self, capacity: count)
    }
}
