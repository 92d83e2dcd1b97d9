import PluginAPI

/// The group `db`: apus/db.h.
extension HostTables {
    static func makeDatabase() -> apus_db_api {
        apus_db_api(
            size: size(apus_db_api.self),
            add_driver: { _, _ in CInt(APUS_TRUE) },
            open: { host, _, _ in
                host.module.refuse("db->open: this server has no databases yet")
                return nil
            },
            wait: { _, _, out in
                out.pointee = HostTables.noResult
                return CInt(APUS_DB_DOWN)
            },
            free: { _ in },
            pages: { _, _, _, _, _, out in
                out.pointee = HostTables.noResult
                return CInt(APUS_DB_DOWN)
            },
            ask: { call, _, _, done, user in done(call, CInt(APUS_DB_DOWN), HostTables.noResult, user) },
            post: { _, _, _, _ in CInt(APUS_DB_DOWN) },
            check_version: { _, _, _ in CInt(APUS_DB_DOWN) },
            column: { _, _ in -1 },
            number: { _, _ in CInt(APUS_FALSE) },
            state: { _, out in out.pointee.state = UInt32(APUS_DB_STATE_DOWN) })
    }

    private nonisolated(unsafe) static let noResult: UnsafePointer<apus_db_result> = {
        let result = UnsafeMutablePointer<apus_db_result>.allocate(capacity: 1)
        result.initialize(to: apus_db_result())
        return UnsafePointer(result)
    }()
}
