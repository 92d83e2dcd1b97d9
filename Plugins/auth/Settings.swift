import PluginKit

/// The parameters.
struct Settings {
    var secret = apus_str()
    var expire: Int64 = 0
    var drift: Int64 = 0
    var algorithm = apus_str()
    var qop = apus_str()
    var realmPrefix = apus_str()
    var comparesDomains: Int64 = 0
    var challengeVariable = apus_str()
    var wwwHeader = apus_str()
    var proxyHeader = apus_str()
    var counts: Int64 = 0
    var isOneTime: Int64 = 0
    var countSize: Int64 = 0
    var countOrder: Int64 = 0
    var oneTimeSize: Int64 = 0
    var oneTimeOrder: Int64 = 0
    var pools: Int64 = 0
    var checksOfRegister: Int64 = 0
    var checksOutside: Int64 = 0
    var checksInside: Int64 = 0
    var protectsContacts: Int64 = 0
    var isStateless: Int64 = 0
    var addsInfo: Int64 = 0

    /// The table that nonce counts and one-time nonces share has room for 2^this.
    var tableOrder: Int {
        let count = counts == 0 ? 0 : Settings.order(size: countSize, order: countOrder)
        let oneTime = isOneTime == 0 ? 0 : Settings.order(size: oneTimeSize, order: oneTimeOrder)
        return max(count, oneTime)
    }

    private static func order(size: Int64, order: Int64) -> Int {
        order > 0 ? Int(order) : Int64.bitWidth - 1 - size.leadingZeroBitCount
    }
}

func declareParameters(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let nonces: [Parameter<Settings>] = [
        .text("secret", \.secret, doc: "Authenticates nonces; unset: random at each start."),
        .number("nonce_expire", \.expire, 300, 1...86400, doc: "Seconds that a nonce can be used."),
        .number(
            "nonce_auth_max_drift", \.drift, 3, 0...86400,
            doc: "Seconds that a nonce of another server may come from the future."),
        .flag("nonce_count", \.counts, 0, doc: "1: the nonce count of credentials with qop must grow."),
        .flag("one_time_nonce", \.isOneTime, 0, doc: "1: a nonce can be used once."),
        .number(
            "nc_array_size", \.countSize, 1 << 20, 1...(1 << 28),
            doc: "Nonces whose counts are remembered, rounded down to a power of 2."),
        .number("nc_array_order", \.countOrder, 0, 0...28, doc: "The same as the power's exponent; 0: nc_array_size."),
        .number(
            "otn_in_flight_no", \.oneTimeSize, 1 << 20, 1...(1 << 28),
            doc: "One-time nonces that are remembered, rounded down to a power of 2."),
        .number(
            "otn_in_flight_order", \.oneTimeOrder, 0, 0...28,
            doc: "The same as the power's exponent; 0: otn_in_flight_no."),
        .number("nid_pool_no", \.pools, 1, 1...64, doc: "Without effect: workers share one table without waiting."),
        .number(
            "auth_checks_register", \.checksOfRegister, 0, 0...15,
            doc: "What nonces of REGISTER are bound to: 1 Request-URI, 2 Call-ID, 4 From tag, 8 source address."),
        .number("auth_checks_no_dlg", \.checksOutside, 0, 0...15, doc: "The same of requests outside of dialogs."),
        .number("auth_checks_in_dlg", \.checksInside, 0, 0...15, doc: "The same of requests in dialogs."),
        .flag("protect_contacts", \.protectsContacts, 0, doc: "Without effect, as in Kamailio."),
    ]
    let challenges: [Parameter<Settings>] = [
        .text(
            "algorithm", \.algorithm, doc: "Algorithms of challenges, with commas between them; empty: MD5, unnamed."),
        .text("qop", \.qop, doc: "Without effect: the flags of a challenge say which qop it has."),
        .text("realm_prefix", \.realmPrefix, doc: "Taken off the front of realms."),
        .text(
            "challenge_attr", \.challengeVariable, "$digest_challenge",
            doc: "Where pv_www_authenticate puts challenges."),
        .text("www_challenge_header", \.wwwHeader, "WWW-Authenticate", doc: "Name of the header of www_challenge."),
        .text("proxy_challenge_header", \.proxyHeader, "Proxy-Authenticate", doc: "Name of that of proxy_challenge."),
        .flag("force_stateless_reply", \.isStateless, 0, doc: "1: challenges are sent without the transaction."),
        .flag("use_domain", \.comparesDomains, 0, doc: "1: pv_auth_check compares hosts, too."),
        .flag("add_authinfo_hdr", \.addsInfo, 0, doc: "1: replies to what was authenticated have Authentication-Info."),
    ]
    let settings = state.pointer(to: \.settings).unsafelyUnwrapped
    host.declare(nonces + challenges, in: settings)
}
