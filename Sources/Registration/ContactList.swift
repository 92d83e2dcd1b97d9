import PluginKit
import RoutingKit

/// One binding as a reply tells of it.
package struct ListedContact {
    package var uri = apus_str()
    /// Thousandths; below 0: none.
    package var q: Int32 = -1
    /// Seconds that are left.
    package var expires: Int64 = 0
    /// Address that the request came from; empty: none is told.
    package var received = apus_str()
    /// As it stands in the reply, `urn:uuid:…` without angle brackets; empty: none.
    package var instance = apus_str()
    /// RFC 5626; 0: none.
    package var regID: Int64 = 0
    /// The URI of the address of record, less its parameters; empty: the reply has no GRUUs (RFC 5627 section 5.3).
    package var publicAddress = apus_str()
    /// What the temporary GRUU is made of (RFC 5627 section 5.4); no text: there is none.
    package var ruid = apus_str()
    package var hash: UInt64 = 0
    package var temporaryHost = apus_str()

    package init() {}

    /// Bytes that its text has at most.
    package func capacity(receivedName: apus_str) -> Int {
        2 * (uri.len + received.len + publicAddress.len + ruid.len + temporaryHost.len) + 3 * instance.len
            + receivedName.len + 192
    }
}

/// Writes the Contact header of a reply to REGISTER (RFC 3261 section 10.3, step 8).
package struct ContactList {
    package private(set) var writer: Writer
    /// The parameter that tells of `received`; empty: it is not told.
    private let receivedName: apus_str
    private var isEmpty = true

    package init(_ writer: Writer, receivedName: apus_str) {
        self.writer = writer
        self.receivedName = receivedName
    }

    package mutating func add(_ contact: ListedContact) {
        writer.add(isEmpty ? "Contact: <" : ", <")
        isEmpty = false
        writer.add(contact.uri)
        writer.add(">")
        if contact.q >= 0 { writer.add(q: contact.q) }
        writer.add(";expires=")
        writer.add(number: contact.expires)
        if !contact.received.isEmpty, !receivedName.isEmpty {
            writer.add(";")
            writer.add(receivedName)
            writer.add("=\"")
            writer.add(contact.received)
            writer.add("\"")
        }
        if !contact.publicAddress.isEmpty, !contact.instance.isEmpty {
            writer.add(";pub-gruu=\"")
            writer.add(contact.publicAddress)
            writer.add(";gr=")
            writer.add(contact.instance)
            writer.add("\"")
            if !contact.ruid.isEmpty {
                writer.add(";temp-gruu=\"sip:")
                TemporaryName(ruid: contact.ruid, hash: contact.hash).write(to: &writer)
                writer.add("@")
                writer.add(contact.temporaryHost)
                writer.add(";gr\"")
            }
        }
        if !contact.instance.isEmpty {
            writer.add(";+sip.instance=\"<")
            writer.add(contact.instance)
            writer.add(">\"")
        }
        if contact.regID > 0 {
            writer.add(";reg-id=")
            writer.add(number: contact.regID)
        }
    }

    /// The header with its line end; empty when there is no contact.
    package mutating func finish() -> apus_str {
        guard !isEmpty else { return "" }
        writer.add("\r\n")
        return writer.text
    }
}
