import PluginKit
import RoutingKit

// Invariants: the table is filled on the main thread before workers start, constant afterwards, and its texts live for ever.

/// A domain that is this server with all below it.
struct SubdomainAlias {
    let domain: apus_str
    /// 0: any.
    let port: UInt16
}

/// `alias_subdomains`
let addSubdomainAlias: ParameterSetter = { host, value, _ in
    let text = value.pointee.str
    guard let socket = SocketText(text), socket.host[0] != UInt8(ascii: "[") else {
        host.log(.error, "\(text.string) is no [transport:]domain[:port]")
        return .false
    }
    if !socket.transport.isEmpty { host.log(.notice, "the transport is not compared, as with alias") }
    state.pointee.domains.append(SubdomainAlias(domain: socket.host, port: socket.port ?? 0))
    return .true
}

/// `net->add_myself`: whether a host is one of the domains, or below one.
let isSubdomain: @convention(c) (Host, apus_str, UInt16) -> CInt = { _, host, port in
    for index in 0..<state.pointee.domainCount {
        guard let alias = state.pointee.domainTable?[index] else { break }
        guard port == 0 || alias.port == 0 || port == alias.port else { continue }
        let start = host.len - alias.domain.len
        guard start >= 0, host.dropFirst(start).equalsIgnoringCase(alias.domain) else { continue }
        if start == 0 || host[start - 1] == UInt8(ascii: ".") { return .true }
    }
    return .false
}
