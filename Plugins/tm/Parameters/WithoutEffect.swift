import PluginKit
import RoutingKit

// Invariants: as Parameters.swift.

/// Parameters that configs have and that have nothing to change here: accepted, and told of.
func declareWithoutEffect(_ host: Host) {
    host.parameter(
        withoutEffect: "xavp_contact", APUS_PARAM_STRING, nil,
        "attributes of a contact are kept with its branch, not in an XAVP",
        doc: "Accepted without effect: attributes of a contact are kept with its branch.")
    let language = "there is no embedded language for event callbacks; use the event routes"
    host.parameter(
        withoutEffect: "event_callback", APUS_PARAM_STRING, nil, language,
        doc: "Accepted without effect: function of an embedded language.")
    host.parameter(
        withoutEffect: "event_callback_lres_sent", APUS_PARAM_STRING, nil, language,
        doc: "Accepted without effect: function of an embedded language.")
    host.parameter(
        withoutEffect: "evcb_local_ack_sent", APUS_PARAM_STRING, nil, language,
        doc: "Accepted without effect: function of an embedded language.")
}
