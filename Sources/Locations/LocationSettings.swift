import Glibc
import PluginKit
import RoutingKit
import Synchronization

/// How tables behave; shared by all of them, constant once the server runs.
public struct LocationSettings {
    /// Whether a row stands behind contacts, and who writes it.
    public enum Rows: Sendable {
        /// Nothing is written.
        case none
        /// Whoever makes a change writes its rows before it is applied; what expires is deleted afterwards.
        case through
        /// Changes are written some time after they were made.
        case back
    }

    public var rows = Rows.none
    public var matchingMode = 0
    /// Seconds.
    public var cseqDelay: UInt32 = 20
    /// Newest first, whatever q is.
    public var ordersByTime = false
    /// Seconds for which expired contacts are kept.
    public var keepsExpired: UInt32 = 0
    public var serverId: UInt32 = 0
    /// Contacts of one address at most.
    public var maxContacts = 512
    /// Whether a connection is there: contacts of one that is not, or that ends, are over. Nil: they stay until their time comes.
    public var isConnected: (@convention(c) (UInt64) -> CInt)?
    /// Equality of URIs: 1 equal.
    public var sameURI: @convention(c) (apus_str, apus_str) -> CInt

    public init(sameURI: @escaping @convention(c) (apus_str, apus_str) -> CInt) { self.sameURI = sameURI }
}

/// Makes names of contacts, unlike any that this server or another has made: `uloc-<start>-<process>-<number>`.
public struct RuidSource: ~Copyable, Sendable {
    public static let capacity = 64
    private let count = Atomic<UInt64>(0)
    private let start: UInt64
    private let process: UInt64
    private let server: UInt64

    /// - Parameters:
    ///   - start: seconds since 1970.
    ///   - server: the server's number; 0: none.
    public init(start: Int64, server: UInt32) {
        self.start = UInt64(clamping: start)
        process = UInt64(clamping: Int(getpid()))
        self.server = UInt64(server)
    }

    func next(_ memory: UnsafeMutableRawPointer) -> apus_str {
        var writer = Writer(memory, capacity: RuidSource.capacity)
        writer.add("uloc-")
        if server > 0 {
            writer.add(hex: server)
            writer.add("-")
        }
        writer.add(hex: start)
        writer.add("-")
        writer.add(hex: process)
        writer.add("-")
        writer.add(hex: count.add(1, ordering: .relaxed).newValue)
        return writer.text
    }
}
