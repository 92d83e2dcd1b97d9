import PluginKit
import TableKit

// Invariants: written on the main thread while the module declares itself and starts, and only read by workers.

/// What the module keeps for the life of the server.
struct State {
    var url = apus_str()
    var user = apus_str()
    var domain = apus_str()
    var shortUser = apus_str()
    var shortDomain = apus_str()
    var newURI = apus_str()
    var domainPrefix = apus_str()
    var comparesDomains: Int64 = 0

    let tables = NamedTables()
    var db: OpaquePointer?
    var columns: ColumnList?

    static var parameters: [Parameter<State>] {
        [
            .databaseURL(\.url),
            .text("user_column", \.user, "username", doc: "Column of owners."),
            .text("domain_column", \.domain, "domain", doc: "Column of owners' domains."),
            .text("sd_user_column", \.shortUser, "sd_username", doc: "Column of short numbers."),
            .text("sd_domain_column", \.shortDomain, "sd_domain", doc: "Column of their domains."),
            .text("new_uri_column", \.newURI, "new_uri", doc: "Column of the URIs that they mean."),
            .text("domain_prefix", \.domainPrefix, doc: "Taken off from domains before they are looked up."),
            .flag("use_domain", \.comparesDomains, 0, doc: "1: the domains have to be the same, too."),
        ]
    }
}
