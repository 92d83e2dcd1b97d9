import PluginKit

private let module = Module(
    "db_sqlite", version: "1.0", summary: "Databases in files, by SQLite",
    declare: { host in
        declareParameters(host)
        _ = host.pointee.db.pointee.add_driver(host, driver)
    })

@c(apus_module_db_sqlite)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
