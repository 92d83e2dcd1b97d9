import PluginAPI

/// The group `rpc`: apus/rpc.h.
extension HostTables {
    static func makeRPC() -> apus_rpc_api {
        apus_rpc_api(
            size: size(apus_rpc_api.self),
            add_command: { _, _ in fatalError("add_command:2") },
            add_int: { _, _, _ in fatalError("add_int:3") },
            add_double: { _, _, _ in fatalError("add_double:3") },
            add_text: { _, _, _ in fatalError("add_text:3") },
            open_map: { _, _ in fatalError("open_map:2") },
            open_array: { _, _ in fatalError("open_array:2") },
            close: { _ in fatalError("close:1") },
            fault: { _, _, _ in fatalError("fault:3") },
            defer: { _, _ in fatalError("defer:2") },
            resume: { _, _ in fatalError("resume:2") },
            finish: { _, _ in fatalError("finish:2") },
            execute: { _, _, _, _, _, _ in fatalError("execute:6") })
    }
}
