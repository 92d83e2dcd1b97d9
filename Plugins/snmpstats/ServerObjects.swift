import PluginKit

/// What the SIP-SERVER-MIB has once.
extension Objects {
    private static let server: Path = [3, 1, 2, 1]

    mutating func addServer() {
        let proxy = Objects.server + [3]
        // SIPProxyStatefulness: stateless(1), transactionStateful(2), callStateful(3)
        constant(proxy + [1], .integer(facts.dialogs != nil ? 3 : facts.isLoaded("tm") ? 2 : 1))
        constant(proxy + [3], .truth(facts.isLoaded("rr")))  // SIPProxyRecordRoute
        // SIPProxyAuthMethod: none(0), tls(1), digest(2)
        let methods = (facts.isLoaded("tls") ? 0x40 : 0) | (facts.isLoaded("auth") ? 0x20 : 0)
        constant(proxy + [4], .octets([methods == 0 ? 0x80 : UInt8(methods)]))
        counter(Objects.server + [4, 1], ("sanity", "proxy_require_failures"))  // SIPNumProxyRequireFailures

        let registrar = Objects.server + [5]
        gauge(registrar + [2], "registrar", "max_expires")  // SIPRegMaxContactExpiryDuration
        constant(registrar + [3], .gauge(.max))  // SIPRegMaxUsers: no limit
        gauge(registrar + [4], "usrloc", "registered_users")  // SIPRegCurrentUsers
        gauge(registrar + [5], "registrar", "default_expire")  // SIPRegDfltRegActiveInterval

        let registrations = Objects.server + [6]
        counter(registrations + [1], ("registrar", "accepted_regs"))  // SIPRegAcceptedRegistrations
        counter(registrations + [2], ("registrar", "rejected_regs"))  // SIPRegRejectedRegistrations
    }
}
