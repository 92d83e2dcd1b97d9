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
        try declare.variable("pU", indexed: true, "User in the URI of P-Preferred-Identity.") {
            $1.giveUser(of: $0.preferredURI)
        }
        try declare.variable("pd", indexed: true, "Host in the URI of P-Preferred-Identity.") {
            $1.giveHost(of: $0.preferredURI)
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

    /// That of P-Preferred-Identity, taken apart in the memory of the message; nil when it is none.
    fileprivate var preferredURI: UnsafePointer<URI>? {
        identity(.pPreferredIdentity).flatMap { message.known(message.parsedURI($0.uri)) }
    }

    fileprivate func diversion(_ parameter: StaticString) -> Bytes? {
        message.nameAddrs(.diversion).first?.parameters[parameter]
    }
}
