import PluginKit

/// The URIs of a message's Contacts, taken one by one.
public struct Contacts {
    private let message: Message
    private var place = 0
    private var rest = apus_str()
    /// A value that is no URI was met.
    public private(set) var isBroken = false

    public init(_ message: Message) { self.message = message }

    /// The URI's text; nil at the end. `*` is passed over.
    public mutating func next() -> apus_str? {
        while true {
            while rest.isEmpty {
                guard let header = message.find("Contact", from: place) else { return nil }
                place = Int(header.index) + 1
                rest = header.value.trimmed
            }
            if rest.equals("*") {
                rest = apus_str()
                continue
            }
            guard let value = message.parse(nameAddr: rest), !value.uri.isEmpty else {
                isBroken = true
                return nil
            }
            rest = rest.dropFirst(Int(value.length) + 1).trimmed
            return value.uri
        }
    }
}

extension Message {
    /// Puts another URI in the place of each Contact's for which `make` gives one; `make` answers an empty text to leave the URI as it is, and nil
    /// to leave all as they are.
    /// - Returns: false when `make` did, when a Contact is broken, or when an earlier edit is in the way.
    public func changeContacts(_ make: (apus_str) -> apus_str?) -> Bool {
        var contacts = Contacts(self)
        while let uri = contacts.next() {
            if make(uri) == nil { return false }
        }
        if contacts.isBroken { return false }
        contacts = Contacts(self)
        while let uri = contacts.next() {
            guard let new = make(uri) else { return false }
            if new.isEmpty { continue }
            guard isBracketed(uri) ? replace(uri, with: new) : replaceBare(uri, with: new) else { return false }
        }
        return true
    }

    /// Parameters of a URI without brackets would be the header's (RFC 3261 section 20.10).
    private func replaceBare(_ uri: apus_str, with new: apus_str) -> Bool {
        replace(uri[0..<0], with: "<") && replace(uri, with: new) && replace(uri[uri.len..<uri.len], with: ">")
    }

    private func isBracketed(_ uri: apus_str) -> Bool { uri.s.map { $0[-1] == 0x3c } ?? false }
}
