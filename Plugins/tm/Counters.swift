import PluginKit

// Invariants: made in `declare`, constant afterwards.

/// Ids of the statistics, in tmx's group: there whether tmx is loaded or not.
struct Counters {
    var uasTransactions: UInt32 = 0
    var uacTransactions: UInt32 = 0
    var clientTransactions: UInt32 = 0
    /// Transactions completed with 2xx … 6xx: index 0 is 2xx.
    var classes: [5 of UInt32] = InlineArray(repeating: 0)
    var rplReceived: UInt32 = 0
    var rplAbsorbed: UInt32 = 0
    var rplRelayed: UInt32 = 0
    var rplGenerated: UInt32 = 0
    var rplSent: UInt32 = 0
    /// Replies that could not be forwarded.
    var rplWithoutVia: UInt32 = 0
    var rplTooLong: UInt32 = 0
    var requestRetransmissions: UInt32 = 0
    /// What was sent again: requests, final and provisional replies.
    var retransmitted: [3 of MethodCounters] = InlineArray(repeating: MethodCounters())
    var created: UInt32 = 0
    var freed: UInt32 = 0
    /// Entered and left the waiting phase.
    var completed: UInt32 = 0
    var waited: UInt32 = 0
}

/// A counter for each method.
struct MethodCounters {
    /// By the method's number; 0, which counts nothing, for those that have none.
    private var ids: [16 of UInt32] = InlineArray(repeating: 0)

    /// - Parameter method: `APUS_METHOD_…`
    @inline(__always)
    subscript(method: UInt32) -> UInt32 { ids[Int(method & 15)] }

    /// Declare only.
    mutating func declare(_ host: Host, _ name: String, _ doc: String) {
        let methods: [(Int, String)] = [
            (APUS_METHOD_INVITE, "INVITE"), (APUS_METHOD_CANCEL, "CANCEL"), (APUS_METHOD_ACK, "ACK"),
            (APUS_METHOD_BYE, "BYE"), (APUS_METHOD_INFO, "INFO"), (APUS_METHOD_REGISTER, "REGISTER"),
            (APUS_METHOD_SUBSCRIBE, "SUBSCRIBE"), (APUS_METHOD_NOTIFY, "NOTIFY"), (APUS_METHOD_MESSAGE, "MESSAGE"),
            (APUS_METHOD_OPTIONS, "OPTIONS"), (APUS_METHOD_PRACK, "PRACK"), (APUS_METHOD_UPDATE, "UPDATE"),
            (APUS_METHOD_REFER, "REFER"), (APUS_METHOD_PUBLISH, "PUBLISH"),
        ]
        for (number, method) in methods {
            ids[number] = "\(name)_\(method.lowercased())".withCString { name in
                "\(doc), of \(method).".withCString { host.pointee.stats.pointee.add(host, "tm", name, $0) }
            }
        }
    }
}

extension UnsafeMutablePointer<Home> {
    /// Ids for `host.bump`.
    @inline(__always)
    var counters: UnsafeMutablePointer<Counters> { pointee.state.pointer(to: \.counters).unsafelyUnwrapped }
}
