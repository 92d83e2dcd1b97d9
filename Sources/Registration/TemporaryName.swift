import PluginKit
import RoutingKit

/// The user part of a temporary GRUU (RFC 5627 section 3.1.2): it leads to a contact and tells nobody whose it is.
package struct TemporaryName: Equatable {
    package let ruid: apus_str
    /// Of the address of record, hard to guess.
    package let hash: UInt64

    package init(ruid: apus_str, hash: UInt64) { (self.ruid, self.hash) = (ruid, hash) }

    /// Nil when the text is none.
    package init?(_ user: apus_str) {
        guard user.len > 17, user[user.len - 17] == UInt8(ascii: "~"), let hash = user.dropFirst(user.len - 16).hex
        else { return nil }
        self.init(ruid: user[0..<user.len - 17], hash: hash)
    }

    package func write(to out: inout Writer) {
        out.add(ruid)
        out.add("~")
        out.add(hex: hash, width: 16)
    }

    package static func == (a: TemporaryName, b: TemporaryName) -> Bool { a.hash == b.hash && a.ruid.equals(b.ruid) }
}
