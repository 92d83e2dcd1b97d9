import PluginAPI

/// The group `resolver`: apus/resolver.h.
extension HostTables {
    static func makeResolver() -> apus_resolver_api {
        apus_resolver_api(
            size: size(apus_resolver_api.self),
            next_hop: { _, _, _, _ in fatalError("next_hop:4") },
            cancel: { _, _ in fatalError("cancel:2") })
    }
}
