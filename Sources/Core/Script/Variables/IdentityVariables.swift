import PluginAPI

/// P-Asserted-Identity, P-Preferred-Identity, Diversion.
extension CoreVariables {
    static func declareIdentities(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("ai", indexed: true, "URI of P-Asserted-Identity.") {
            $1.give($0.identity(.pAssertedIdentity)?.uri)
        }
        try declare.variable("pu", indexed: true, "URI of P-Preferred-Identity.") {
            $1.give($0.identity(.pPreferredIdentity)?.uri)
        }
        try declare.variable("pU", indexed: true, "User in the URI of P-Preferred-Identity.") { access, out in
            access.withPreferredURI { out.giveUser(of: $0) }
        }
        try declare.variable("pd", indexed: true, "Host in the URI of P-Preferred-Identity.") { access, out in
            access.withPreferredURI { out.giveHost(of: $0) }
        }
        try declare.variable("pn", indexed: true, "Display name of P-Preferred-Identity.") {
            $1.give(ifAny: $0.identity(.pPreferredIdentity)?.displayName ?? .empty)
        }
        try declare.variable("di", "URI of Diversion.") { $1.give($0.message.nameAddrs(.diversion).first?.uri) }
        try declare.variable("dir", "Reason of Diversion.") { $1.give($0.diversion("reason")) }
        try declare.variable("dip", "Privacy of Diversion.") { $1.give($0.diversion("privacy")) }
        try declare.variable("dic", "Counter of Diversion.") { $1.give($0.diversion("counter")) }
    }
}

extension UnsafePointer<apus_access> {
    /// The value that the index means; `[*]` means none.
    fileprivate func identity(_ id: HeaderID) -> NameAddr? {
        let values = message.nameAddrs(id)
        guard !wantsAll, let place = place(in: values.count) else { return nil }
        return values[place]
    }

    /// That of P-Preferred-Identity, taken apart on the stack: a script may read it as often as it likes. Nil when it is none.
    fileprivate func withPreferredURI(_ body: (UnsafePointer<URI>?) -> CInt) -> CInt {
        guard let uri = identity(.pPreferredIdentity).flatMap({ URI.parse($0.uri) }) else { return body(nil) }
        return withUnsafePointer(to: uri) { body($0) }
    }

    fileprivate func diversion(_ parameter: StaticString) -> Bytes? {
        message.nameAddrs(.diversion).first?.parameters[parameter]
    }
}
