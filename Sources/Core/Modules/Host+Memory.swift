import PluginAPI

/// The group `memory`: apus/memory.h.
extension HostTables {
    static func makeMemory() -> apus_memory_api {
        apus_memory_api(
            size: size(apus_memory_api.self),
            allocate: { _, _ in fatalError("allocate:2") },
            release: { _, _ in fatalError("release:2") },
            in_use: { _, _ in fatalError("in_use:2") })
    }
}
