import PluginKit

/// The module's counters.
struct Counters {
    var accepted: UInt32 = 0
    var rejected: UInt32 = 0

    mutating func declare(_ host: Host) {
        accepted = host.counter("registrar", "accepted_regs", doc: "REGISTER requests that were accepted.")
        rejected = host.counter("registrar", "rejected_regs", doc: "REGISTER requests that were refused.")
    }
}

/// Some parameters, as the config has them, among the statistics: where operators of other servers look for them.
func declareGauges(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let gauges: [(StaticString, StaticString, WritableKeyPath<Settings, Int64>)] = [
        ("max_expires", "The parameter of that name when the server started.", \.maxExpires),
        ("max_contacts", "The parameter of that name when the server started.", \.maxContacts),
        ("default_expire", "The parameter default_expires when the server started.", \.defaultExpires),
        ("default_expires_range", "The parameter of that name when the server started.", \.defaultExpiresRange),
        ("expires_range", "The parameter of that name when the server started.", \.expiresRange),
    ]
    let settings = state.pointer(to: \.settings).unsafelyUnwrapped
    for (name, doc, path) in gauges {
        host.gauge("registrar", name, doc: doc, user: settings.pointer(to: path)) {
            $0.unsafelyUnwrapped.assumingMemoryBound(to: Int64.self).pointee
        }
    }
}
