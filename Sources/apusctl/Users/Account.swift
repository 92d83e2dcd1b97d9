/// Somebody who may have a password: a name in a domain.
struct Account: Equatable {
    let user: String
    let domain: String

    init(user: String, domain: String) {
        self.user = user
        self.domain = domain
    }

    /// - Parameter text: `user`, `user@domain`, or the SIP URI of it.
    init(_ text: String, _ settings: Settings) throws(Failure) {
        var name = text[...]
        for scheme in ["sip:", "sips:"] where name.lowercased().hasPrefix(scheme) {
            name = name.dropFirst(scheme.count)
        }
        let parts = name.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard let domain = parts.count == 2 && !parts[1].isEmpty ? String(parts[1]) : settings["SIP_DOMAIN"] else {
            throw .refused("domain unknown: use usernames with domain or set default domain in SIP_DOMAIN")
        }
        user = String(parts[0])
        // As it is written: it is a realm too, of which every letter counts.
        self.domain = domain
        try Account.check(user, "user name")
        try Account.check(self.domain, "domain")
    }

    /// What a column of the tables takes, and a SIP URI can say.
    private static func check(_ text: String, _ what: String) throws(Failure) {
        if text.isEmpty { throw .usage("the \(what) is empty") }
        if text.utf8.count > 64 { throw .usage("the \(what) is longer than 64 bytes: \(text)") }
        let refused = text.unicodeScalars.first {
            $0.value <= 32 || $0.value == 127 || "@:\"<>".unicodeScalars.contains($0)
        }
        if let refused {
            let shown = refused.value <= 32 || refused.value == 127 ? "a blank or control character" : "`\(refused)`"
            throw .usage("the \(what) has \(shown) in it: \(text)")
        }
    }
}
