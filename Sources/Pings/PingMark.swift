import PluginKit
import RoutingKit

/// What the From tag of a ping says, so that its answer leads back to the contact without anything that is kept: `<prefix><table>-<hash>-<time>-<ruid>`.
public struct PingMark {
    /// Of the contact's table.
    public let table: UInt32
    /// Of the contact's address of record: hard to guess, so that nobody answers for others.
    public let hash: UInt64
    /// When the ping was sent: microseconds of the monotonic clock.
    public let sent: UInt64
    public let ruid: apus_str

    public init(table: UInt32, hash: UInt64, sent: UInt64, ruid: apus_str) {
        self.table = table
        self.hash = hash
        self.sent = sent
        self.ruid = ruid
    }

    /// Nil when the tag is not of such a ping.
    @inline(__always)
    public init?(_ tag: apus_str, prefix: apus_str) {
        guard tag.hasPrefix(prefix) else { return nil }
        self.init(parsing: tag.dropFirst(prefix.len))
    }

    private init?(parsing text: apus_str) {
        var rest = text
        guard let table = rest.next(UInt8(ascii: "-"))?.hex, let hash = rest.next(UInt8(ascii: "-"))?.hex,
            let sent = rest.next(UInt8(ascii: "-"))?.hex, !rest.isEmpty, let number = UInt32(exactly: table)
        else { return nil }
        self.init(table: number, hash: hash, sent: sent, ruid: rest)
    }

    /// A ruid that a tag cannot have (it came out of somebody else's row) makes none.
    public static func fits(_ ruid: apus_str) -> Bool { ruid.isToken }

    public func write(to out: inout Writer, prefix: apus_str) {
        out.add(prefix)
        out.add(hex: UInt64(table))
        out.add("-")
        out.add(hex: hash)
        out.add("-")
        out.add(hex: sent)
        out.add("-")
        out.add(ruid)
    }
}
