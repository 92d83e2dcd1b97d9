import PluginKit
import TableKit

// Invariants: there is one State, for ever. It is written on the main thread while the module declares itself and starts, and only read from then on; the
// two lists are replaced as a whole.

/// Bits of `load_backends`.
enum Backend {
    static var addresses: Int64 { 1 }
    static var trusted: Int64 { 2 }
    static var allow: Int64 { 4 }
    static var deny: Int64 { 8 }
}

/// What the module keeps for the life of the server.
struct State {
    var url = apus_str()
    var backends: Int64 = 65535
    var addressFile = apus_str()
    var addressTable = apus_str()
    var group = apus_str()
    var address = apus_str()
    var mask = apus_str()
    var port = apus_str()
    var choosesLongest: Int64 = 0

    var trustedTable = apus_str()
    var cachesTrusted: Int64 = 0
    var source = apus_str()
    var transport = apus_str()
    var from = apus_str()
    var requestURI = apus_str()
    var priority = apus_str()

    var tagColumn = apus_str()
    var tagName = apus_str()
    var takesAllTags: Int64 = 0
    var reloadDelta: Int64 = 5

    var allowFile = apus_str()
    var denyFile = apus_str()
    var allowSuffix = apus_str()
    var denySuffix = apus_str()
    var checksAllBranches: Int64 = 1

    /// The AVP of tags.
    var tag: OpaquePointer?
    /// Nil: there is none.
    var addressSource: AddressSource?
    var trustedSource: TrustedSource?
    let addresses = Renewed(AddressList.self)
    let trusted = Renewed(TrustedList.self)

    enum AddressSource {
        /// An absolute path.
        case file(String)
        case table(TableReading)
    }

    enum TrustedSource {
        /// The table is read at the start, and by command.
        case cached(TableReading)
        /// It is asked for each request.
        case asked(OpaquePointer, ColumnList)
    }

    func loads(_ backend: Int64) -> Bool { backends & backend != 0 }

    static var parameters: [Parameter<State>] { general + addressParameters + trustedParameters + ruleParameters }

    private static var general: [Parameter<State>] {
        [
            .text("db_url", \.url, doc: "The database of the tables; empty: they are not used."),
            .number(
                "load_backends", \.backends, 65535, 0...65535,
                doc: "What is used: 1 addresses, 2 trusted peers, 4 files that allow, 8 files that deny, added up."),
            .number(
                "reload_delta", \.reloadDelta, 5, 0...86400,
                doc: "Seconds that have to be between two reloads of a list; 0: none."),
            .text("tag_col", \.tagColumn, "tag", doc: "Column of tags, of both tables."),
            .text("peer_tag_avp", \.tagName, doc: "AVP that gets the tag of what was found, such as $avp(tag)."),
            .flag(
                "peer_tag_mode", \.takesAllTags, 0,
                doc: "1: allow_trusted gives the tags of all rows that match, and answers how many do."),
        ]
    }

    private static var addressParameters: [Parameter<State>] {
        [
            .text("address_file", \.addressFile, doc: "File of addresses, instead of the table."),
            .text("address_table", \.addressTable, "address", doc: "Table of addresses."),
            .text("grp_col", \.group, "grp", doc: "Its column of groups."),
            .text("ip_addr_col", \.address, "ip_addr", doc: "Its column of addresses, networks and names."),
            .text("mask_col", \.mask, "mask", doc: "Its column of masks, in bits."),
            .text("port_col", \.port, "port", doc: "Its column of ports; 0: any."),
            .flag(
                "subnet_match_mode", \.choosesLongest, 0,
                doc: "Of several networks that hold an address: 0 the first row counts, 1 the longest mask."),
        ]
    }

    private static var trustedParameters: [Parameter<State>] {
        [
            .text("trusted_table", \.trustedTable, "trusted", doc: "Table of trusted peers."),
            .flag(
                "db_mode", \.cachesTrusted, 0,
                doc: "1: trusted peers are read at the start and by command; 0: the table is asked each time."),
            .text("source_col", \.source, "src_ip", doc: "Its column of sources' addresses."),
            .text("proto_col", \.transport, "proto", doc: "Its column of transports, any or none."),
            .text("from_col", \.from, "from_pattern", doc: "Its column of expressions for the URI of From."),
            .text("ruri_col", \.requestURI, "ruri_pattern", doc: "Its column of expressions for the Request-URI."),
            .text("priority_col", \.priority, "priority", doc: "Its column of priorities: the highest comes first."),
        ]
    }

    private static var ruleParameters: [Parameter<State>] {
        [
            .text(
                "default_allow_file", \.allowFile, "permissions.allow",
                doc: "File that allow_routing() goes by; relative paths begin where the config is."),
            .text("default_deny_file", \.denyFile, "permissions.deny", doc: "The same of what is denied."),
            .text(
                "allow_suffix", \.allowSuffix, ".allow", doc: "What is put behind a basename for the file that allows."),
            .text("deny_suffix", \.denySuffix, ".deny", doc: "The same for the file that denies."),
            .flag(
                "check_all_branches", \.checksAllBranches, 1,
                doc: "0: allow_routing looks at the Request-URI only, and not at the branches."),
        ]
    }
}

/// Made in `declare`. A plain pointer: messages read it without asking whether it is there.
private nonisolated(unsafe) var made: UnsafeMutablePointer<State>?

func makeState() { made = made ?? permanent(State()) }

var state: UnsafeMutablePointer<State> { made.unsafelyUnwrapped }
