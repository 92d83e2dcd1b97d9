import PluginKit
import RoutingKit

// Invariants: the State's settings are written on the main thread, before the workers start; each worker has a copy of its own, which changes
// with parameters that change while the server runs.

/// The parameters.
struct Settings {
    var defaultExpires: Int64 = 0
    var defaultExpiresRange: Int64 = 0
    var expiresRange: Int64 = 0
    var minExpires: Int64 = 0
    var minExpiresMode: Int64 = 0
    var maxExpires: Int64 = 0
    /// As written: `q` has it in thousandths.
    var defaultQ: Int64 = 0
    var realmPrefix = apus_str()
    var appendsBranches: Int64 = 0
    var isCaseSensitive: Int64 = 0
    var receivedVariable = apus_str()
    var receivedParameter = apus_str()
    var maxContacts: Int64 = 0
    var retryAfter: Int64 = 0
    var socketFlag: Int64 = 0
    var socketHeader = apus_str()
    var socketMode: Int64 = 0
    var filtersMethods: Int64 = 0
    var usesPath: Int64 = 0
    var pathMode: Int64 = 0
    var pathUsesReceived: Int64 = 0
    var pathChecksLocal: Int64 = 0
    var configXAVP = apus_str()
    var recordXAVP = apus_str()
    var recordMask: Int64 = 0
    var hasGRUU: Int64 = 0
    var outboundMode: Int64 = 0
    var regIDMode: Int64 = 0
    var flowTimer: Int64 = 0
    var longestContact: Int64 = 0
    var filterMode: Int64 = 0
    var usesExpired: Int64 = 0
    /// Thousandths in a unit of `defaultQ`: SER's configs say hundredths.
    var qUnit: Int64 = 1

    /// Of contacts that say nothing of it, thousandths; below 0: none.
    var q: Int32 { defaultQ < 0 ? -1 : Int32(truncatingIfNeeded: min(1000, defaultQ * qUnit)) }
}

/// Every parameter: its default, its range and what it means stand here and nowhere else.
enum ParameterTable {
    private static let seconds = Int64(0)...Int64(UInt32.max)

    static var all: [Parameter<Settings>] { expires + contacts + received + sockets + path + outbound + lookup }

    private static var expires: [Parameter<Settings>] {
        [
            .number(
                "default_expires", \.defaultExpires, 3600, seconds, .whileRunning,
                doc: "Seconds that a contact is valid whose REGISTER does not say."),
            .number(
                "default_expires_range", \.defaultExpiresRange, 0, 0...100, .whileRunning,
                doc: "Percent by which that is shortened at most, at random."),
            .number(
                "expires_range", \.expiresRange, 0, 0...100, .whileRunning,
                doc: "Percent by which what REGISTER says is shortened at most, at random."),
            .number(
                "min_expires", \.minExpires, 60, seconds, .whileRunning,
                doc: "Seconds that a contact is valid at least; 0: any."),
            .flag(
                "min_expires_mode", \.minExpiresMode, 0, .whileRunning, doc: "1: less is refused with 423; 0: raised."),
            .number(
                "max_expires", \.maxExpires, 0, seconds, .whileRunning,
                doc: "Seconds that a contact is valid at most; 0: any."),
        ]
    }

    private static var contacts: [Parameter<Settings>] {
        [
            .number(
                "default_q", \.defaultQ, -1, -1...1000, .whileRunning,
                doc: "q of contacts without one, in thousandths (#!SER: hundredths); -1: none."),
            .text("realm_prefix", \.realmPrefix, nil, .whileRunning, doc: "Taken off the front of hosts in addresses."),
            .flag("case_sensitive", \.isCaseSensitive, 0, .whileRunning, doc: "1: the case of user parts matters."),
            .number(
                "max_contacts", \.maxContacts, 0, 0...Int64(UInt32.max), .whileRunning,
                doc: "Contacts that an address can have; 0: any number."),
            .number(
                "retry_after", \.retryAfter, 0, seconds, .whileRunning,
                doc: "Retry-After of 5xx replies, seconds; 0: they have none."),
            .number(
                "contact_max_size", \.longestContact, 512, 1...Int64(USRLOC_LONGEST_URI),
                doc: "Bytes that a contact's URI may have."),
        ]
    }

    private static var received: [Parameter<Settings>] {
        [
            .text(
                "received_avp", \.receivedVariable,
                doc: "AVP with the URI that a REGISTER came from, as nathelper sets it."),
            .text(
                "received_param", \.receivedParameter, "received",
                doc: "Parameter of Contact in replies that tells of it; empty: none does."),
        ]
    }

    private static var sockets: [Parameter<Settings>] {
        [
            .number(
                "sock_flag", \.socketFlag, -1, -1...31,
                doc: "Flag of requests whose socket is what sock_hdr_name says; -1: none."),
            .text("sock_hdr_name", \.socketHeader, doc: "Header that names the socket a REGISTER came to elsewhere."),
            .flag("sock_mode", \.socketMode, 0, doc: "1: the advertised address of the socket is kept, not its own."),
        ]
    }

    private static var path: [Parameter<Settings>] {
        [
            .flag("use_path", \.usesPath, 0, .whileRunning, doc: "1: Path is kept (RFC 3327)."),
            .number(
                "path_mode", \.pathMode, 2, 0...2,
                doc:
                    "Path in replies: 0 never; 1 if the phone supports it; 2 the same, and others are refused with 420."
            ),
            .flag(
                "path_use_received", \.pathUsesReceived, 0,
                doc: "1: the parameter received of the first Path says where the REGISTER came from."),
            .flag("path_check_local", \.pathChecksLocal, 0, doc: "1: a first Path that is this server is left out."),
        ]
    }

    private static var outbound: [Parameter<Settings>] {
        [
            .flag("gruu_enabled", \.hasGRUU, 1, doc: "1: contacts with an instance get GRUUs (RFC 5627)."),
            .number(
                "outbound_mode", \.outboundMode, 0, 0...2, doc: "RFC 5626: 0 not supported, 1 supported, 2 required."),
            .flag("regid_mode", \.regIDMode, 0, doc: "1: reg-id counts for phones that do not support outbound, too."),
            .number(
                "flow_timer", \.flowTimer, 0, 0...86400,
                doc: "Flow-Timer of replies to phones that support outbound, seconds; 0: none."),
        ]
    }

    /// SER's guide says that 1 turns forking off; SER itself, and everybody since, forks then.
    private static var appendBranches: Parameter<Settings> {
        Parameter { host, settings, changed in
            settings.pointee.appendsBranches = 1
            let place = settings.pointer(to: \.appendsBranches)
            let doc: StaticString = "1: lookup makes further contacts branches; 0: it takes the best one only."
            let description = ParameterDescription(
                name: "append_branches", kind: APUS_PARAM_INT, doc: doc, range: 0...1)
            host.declare(
                description, set: takeAppendBranches, user: place, changed: changed, inForce: place, changes: 0...1)
        }
    }

    private static var lookup: [Parameter<Settings>] {
        [
            appendBranches,
            .flag(
                "method_filtering", \.filtersMethods, 0,
                doc: "1: lookup leaves out contacts that do not support the method of an initial request."),
            .text("xavp_cfg", \.configXAVP, doc: "XAVP with settings for one call of a function."),
            .text("xavp_rcd", \.recordXAVP, doc: "XAVP that tells of the contacts which lookup and registered found."),
            .number(
                "xavp_rcd_mask", \.recordMask, 0, 0...31,
                doc: "What it does not tell: 1 ruid, 2 contact, 4 expires, 8 received, 16 path."),
            .number(
                "lookup_filter_mode", \.filterMode, 0, 0...3,
                doc: "1: contacts with one of the branch flags in rlf_bflags of xavp_cfg only; 2 has no effect."),
            .flag(
                "use_expired_contacts", \.usesExpired, 0, .whileRunning,
                doc: "1: contacts that are over, and that usrloc still has, are found, too."),
        ]
    }
}

/// Parameters that configs have and that have nothing to change here.
func declareWithoutEffect(_ host: Host) {
    host.parameter(
        withoutEffect: "aor_avp", APUS_PARAM_STRING, nil, "functions take the URI as an argument",
        doc: "Accepted without effect: the argument uri of the functions.")
    host.parameter(
        withoutEffect: "reg_callid_avp", APUS_PARAM_STRING, nil, "registered() compares what xavp_cfg has",
        doc: "Accepted without effect: match_callid of xavp_cfg.")
    host.parameter(
        withoutEffect: "use_domain", APUS_PARAM_INT, nil, "it is a parameter of usrloc",
        doc: "Accepted without effect: usrloc's use_domain.")
    host.parameter(
        withoutEffect: "nat_flag", APUS_PARAM_INT, nil, "the branch flag nat_bflag of usrloc is used",
        doc: "Accepted without effect: usrloc's nat_bflag.")
    host.parameter(
        withoutEffect: "event_callback", APUS_PARAM_STRING, nil,
        "there is no embedded language for event callbacks; use event_route[usrloc:contact-expired]",
        doc: "Accepted without effect: function of an embedded language.")
}

/// [worker] A parameter has changed: the worker's own copy of the settings does.
let takeChange: ParameterChange = { host, place, value, _ in
    guard let state = State.shared, let home = state.home(host) else { return }
    let settings = UnsafeMutableRawPointer(home.pointer(to: \.settings).unsafelyUnwrapped)
    let copy = settings + (place - UnsafeRawPointer(state.pointer(to: \.settings).unsafelyUnwrapped))
    if value.pointee.isText {
        copy.storeBytes(of: value.pointee.str, as: apus_str.self)
    } else {
        copy.storeBytes(of: value.pointee.num, as: Int64.self)
    }
}

private let takeAppendBranches: ParameterSetter = { host, value, place in
    place?.assumingMemoryBound(to: Int64.self).pointee = value.pointee.num
    if value.pointee.num != 0, host.pointee.config.pointee.dialect(host) == UInt32(APUS_DIALECT_SER) {
        host.log(.notice, "append_branches 1: lookup forks to all contacts; 0 takes the best one only")
    }
    return .true
}
