import PluginKit
import TableKit

// Invariants: run on workers; the domains in force stay until the function returns.

private let routes =
    APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE | APUS_LOCAL_ROUTE | APUS_EVENT_ROUTE
    | APUS_ONREPLY_ROUTE

func declareFunctions(_ host: Host) {
    host.function("is_from_local", routes: routes, doc: "Whether the host of From is a domain of this server.") {
        isLocal($0, uri: $0.message.field(APUS_FIELD_FROM_URI))
    }
    host.function(
        "is_uri_host_local", routes: routes,
        doc: "Whether the host of the Request-URI, in a branch route of the branch's, is a domain of this server."
    ) { isLocal($0, uri: $0.message.field(APUS_FIELD_REQUEST_URI)) }
    for name: StaticString in ["is_domain_local", "lookup_domain_no_attrs"] {
        host.function(name, "domain:format", routes: routes, doc: "Whether that is a domain of this server.") {
            state.pointee.domains.current?.pointee.find($0.text(0)) == nil ? .false : .true
        }
    }
    host.function(
        "lookup_domain", "domain:format, prefix:format?", routes: routes,
        doc: "The same; its attributes become AVPs, with the prefix before their names, and its identifier $avp(did).",
        call: lookUp)
}

private func isLocal(_ call: Call, uri: apus_str) -> CInt {
    guard let person = call.person(uri), let domains = state.pointee.domains.current else { return .false }
    return domains.pointee.find(person.host) == nil ? .false : .true
}

/// `lookup_domain(domain[, prefix])`
private let lookUp: @convention(c) (Call) -> CInt = { call in
    guard let domains = state.pointee.domains.current, let index = domains.pointee.find(call.text(0)) else {
        return .false
    }
    let prefix = call.has(1) ? call.text(1) : ""
    guard add(call, prefix, "did", apus_value(domains.pointee.identifier(index))) else { return .false }
    for attribute in domains.pointee.attributes(of: index) {
        guard add(call, prefix, attribute.name, attribute.value) else { return .false }
    }
    return .true
}

private func add(_ call: Call, _ prefix: apus_str, _ name: apus_str, _ value: apus_value) -> Bool {
    guard var whole = call.writer(max(1, prefix.len + name.len)) else { return false }
    whole.add(prefix)
    whole.add(name)
    var value = value
    guard call.host.pointee.vars.pointee.add_avp(call, whole.text, &value) > 0 else {
        return call.fail("there is no memory for the attributes of the domain") > 0
    }
    return true
}
