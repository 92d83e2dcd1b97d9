import PluginKit
import TableKit

// Invariants: written on the main thread while the module declares itself and starts, and only read by workers.

/// What the module keeps for the life of the server.
struct State {
    var url = apus_str()
    var table = apus_str()
    var user = apus_str()
    var domain = apus_str()
    var group = apus_str()
    var comparesDomains: Int64 = 0
    var expressionTable = apus_str()
    var expressionColumn = apus_str()
    var numberColumn = apus_str()
    var givesAll: Int64 = 1

    var db: OpaquePointer?
    var columns: ColumnList?
    var expressions: [Expression] = []

    /// A row of `re_table`.
    struct Expression {
        let regex: OpaquePointer
        let group: Int64
    }

    static var parameters: [Parameter<State>] {
        [
            .databaseURL(\.url),
            .text("table", \.table, "grp", doc: "Table of users and their groups."),
            .text("user_column", \.user, "username", doc: "Its column of users."),
            .text("domain_column", \.domain, "domain", doc: "Its column of domains."),
            .text("group_column", \.group, "grp", doc: "Its column of groups."),
            .flag("use_domain", \.comparesDomains, 0, doc: "1: the domain has to be the same, too."),
            .text("re_table", \.expressionTable, doc: "Table of expressions and numbers of groups; empty: none."),
            .text("re_exp_column", \.expressionColumn, "reg_exp", doc: "Its column of expressions."),
            .text("re_gid_column", \.numberColumn, "group_id", doc: "Its column of numbers."),
            .flag("multiple_gid", \.givesAll, 1, doc: "0: get_user_group gives the first group only."),
        ]
    }
}
