import PluginKit

extension Parameter {
    /// `db_url` of a module that cannot do without its tables.
    public static func databaseURL(_ path: WritableKeyPath<Settings, apus_str>) -> Parameter {
        .text("db_url", path, doc: "The database; empty: the default one of the only driver.")
    }
}
