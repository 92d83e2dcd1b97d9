import PluginKit
import TableKit

// Invariants: written on the main thread while the module declares itself and starts, and only read by workers.

/// What the module keeps for the life of the server.
struct State {
    var url = apus_str()
    var user = apus_str()
    var domain = apus_str()
    var aliasUser = apus_str()
    var aliasDomain = apus_str()
    var domainPrefix = apus_str()
    var comparesDomains: Int64 = 0
    var appendsBranches: Int64 = 0

    let tables = NamedTables()
    var db: OpaquePointer?
    var users: ColumnList?
    var aliases: ColumnList?

    static var parameters: [Parameter<State>] {
        [
            .databaseURL(\.url),
            .text("user_column", \.user, "username", doc: "Column of users."),
            .text("domain_column", \.domain, "domain", doc: "Column of their domains."),
            .text("alias_user_column", \.aliasUser, "alias_username", doc: "Column of aliases."),
            .text("alias_domain_column", \.aliasDomain, "alias_domain", doc: "Column of the domains of aliases."),
            .text("domain_prefix", \.domainPrefix, doc: "Taken off from domains before they are looked up."),
            .flag("use_domain", \.comparesDomains, 0, doc: "1: the domain has to be the same, too."),
            .flag("append_branches", \.appendsBranches, 0, doc: "1: further users of an alias become branches."),
        ]
    }
}
