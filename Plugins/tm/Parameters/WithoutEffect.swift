import PluginKit
import RoutingKit

// Invariants: as Parameters.swift.

/// A parameter that is accepted without effect, and what is said of it when it asks for something else than what is done.
struct Fixed {
    let name: StaticString
    /// The value that asks for what is done anyway; nil: none does.
    let value: Int64?
    let notice: String

    static let set: ParameterSetter = { host, value, user in
        let fixed = user.unsafelyUnwrapped.assumingMemoryBound(to: Fixed.self)
        if !value.pointee.isInt || value.pointee.num != fixed.pointee.value {
            host.log(.notice, "\(fixed.pointee.name) has no effect: \(fixed.pointee.notice)")
        }
        return .true
    }
}

/// Parameters that configs have and that have nothing to change here: accepted, and told of.
func declareWithoutEffect(_ host: Host) {
    func fixed(_ name: StaticString, _ kind: Int, _ value: Int64?, _ notice: String, doc: StaticString) {
        let user = permanent(Fixed(name: name, value: value, notice: notice))
        host.parameter(name, kind: kind, flags: 0, user: user, doc: doc, set: Fixed.set)
    }
    fixed(
        "xavp_contact", APUS_PARAM_STRING, nil, "attributes of a contact are kept with its branch, not in an XAVP",
        doc: "Accepted without effect: attributes of a contact are kept with its branch.")
    let language = "there is no embedded language for event callbacks; use the event routes"
    fixed(
        "event_callback", APUS_PARAM_STRING, nil, language,
        doc: "Accepted without effect: function of an embedded language.")
    fixed(
        "event_callback_lres_sent", APUS_PARAM_STRING, nil, language,
        doc: "Accepted without effect: function of an embedded language.")
    fixed(
        "evcb_local_ack_sent", APUS_PARAM_STRING, nil, language,
        doc: "Accepted without effect: function of an embedded language.")
}
