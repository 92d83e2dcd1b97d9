import PluginKit
import TableKit

// Invariants: written on the main thread while the module declares itself and starts, and only read by workers.

/// What the module keeps for the life of the server.
struct State {
    var url = apus_str()
    var table = apus_str()
    var user = apus_str()
    var domain = apus_str()
    var uriUser = apus_str()
    var usesTable: Int64 = 0
    var comparesDomains: Int64 = 0

    var db: OpaquePointer?
    var columns: ColumnList?

    static var parameters: [Parameter<State>] {
        [
            .databaseURL(\.url),
            .text("db_table", \.table, doc: "The table; empty: uri with use_uri_table, else subscriber."),
            .text("user_column", \.user, "username", doc: "Its column of those who are authorized."),
            .text("domain_column", \.domain, "domain", doc: "Its column of domains."),
            .text("uriuser_column", \.uriUser, "uri_user", doc: "The column of users of URIs, of the table uri."),
            .flag(
                "use_uri_table", \.usesTable, 0,
                doc: "1: rows of the table say which users of URIs somebody may use; 0: one's own only."),
            .flag("use_domain", \.comparesDomains, 0, doc: "1: domains have to be the same, too."),
        ]
    }
}
