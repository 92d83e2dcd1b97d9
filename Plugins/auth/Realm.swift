import PluginKit

extension Message {
    /// The realm that a script means: the text without the prefix; an empty one is the host of To for REGISTER, else of From.
    func realm(_ text: apus_str, prefix: apus_str) -> apus_str {
        var realm = text
        if realm.isEmpty {
            let uri = field(method == APUS_METHOD_REGISTER ? APUS_FIELD_TO_URI : APUS_FIELD_FROM_URI)
            realm = parse(uri: uri)?.host ?? apus_str()
        }
        if !prefix.isEmpty, realm.len >= prefix.len, realm[0..<prefix.len].equalsIgnoringCase(prefix) {
            realm = realm.dropFirst(prefix.len)
        }
        return realm
    }

    /// Requests that nobody can challenge: RFC 3261 section 22.1, RFC 3262 section 6.
    var cannotBeChallenged: Bool {
        let method = method
        return method == APUS_METHOD_ACK || method == APUS_METHOD_CANCEL || method == APUS_METHOD_PRACK
    }
}
