/// Who a caller is and where a call comes from, in the header fields that hold addresses. `nameAddrs` gives all values of each.
extension Message {
    /// RFC 3325 §9.1.
    var assertedIdentities: Values<NameAddr> { nameAddrs(.pAssertedIdentity) }
    /// RFC 3325 §9.2.
    var preferredIdentities: Values<NameAddr> { nameAddrs(.pPreferredIdentity) }
    /// RFC 5806; the topmost is the latest. Its `reason`, `privacy` and `counter` are parameters.
    var diversions: Values<NameAddr> { nameAddrs(.diversion) }
    /// draft-ietf-sip-privacy-04, as older equipment writes it.
    var remotePartyID: NameAddr? { nameAddrs(.remotePartyID).first }
    /// RFC 3515 §2.1.
    var referTo: NameAddr? { nameAddrs(.referTo).first }
    /// RFC 3892.
    var referredBy: NameAddr? { nameAddrs(.referredBy).first }
    /// RFC 3327 §4.
    var paths: Values<NameAddr> { nameAddrs(.path) }
    /// RFC 3608.
    var serviceRoutes: Values<NameAddr> { nameAddrs(.serviceRoute) }
}
