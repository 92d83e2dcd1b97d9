import PluginKit
import TableKit

// Invariants: there is one State, for ever. It is written on the main thread while the module declares itself and starts, and only read from then on; `domains` is replaced as a whole.

/// What the module keeps for the life of the server.
struct State {
    var url = apus_str()
    var table = apus_str()
    var identifier = apus_str()
    var domain = apus_str()
    var attributesTable = apus_str()
    var name = apus_str()
    var type = apus_str()
    var value = apus_str()
    var registersMyself: Int64 = 0
    var mode: Int64 = 1

    var domainReading: TableReading?
    var attributesReading: TableReading?
    let domains = Renewed(Domains.self)

    static var parameters: [Parameter<State>] {
        [
            .databaseURL(\.url),
            .text("domain_table", \.table, "domain", doc: "Table of domains."),
            .text("did_col", \.identifier, "did", doc: "Column of domains' identifiers, of both tables."),
            .text("domain_col", \.domain, "domain", doc: "Column of domains."),
            .text("domain_attrs_table", \.attributesTable, "domain_attrs", doc: "Table of domains' attributes."),
            .text("name_col", \.name, "name", doc: "Its column of names."),
            .text("type_col", \.type, "type", doc: "Its column of types: 0 a number, 2 a text."),
            .text("value_col", \.value, "value", doc: "Its column of values."),
            .flag("register_myself", \.registersMyself, 0, doc: "1: every domain counts for `myself`."),
            .flag("db_mode", \.mode, 1, doc: "No effect: domains are kept, and read again by domain.reload."),
        ]
    }
}

/// Made in `declare`. A plain pointer: messages read it without asking whether it is there.
private nonisolated(unsafe) var made: UnsafeMutablePointer<State>?

func makeState() { made = made ?? permanent(State()) }

var state: UnsafeMutablePointer<State> { made.unsafelyUnwrapped }
