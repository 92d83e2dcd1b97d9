import PluginKit

// Invariants: the table has one place for each status code from 100 to 999 and is written by `declare` only.

/// The statistics of group `sl`.
struct Counters {
    private(set) var sent: UInt32 = 0
    private(set) var sentErrors: UInt32 = 0
    private(set) var failures: UInt32 = 0
    private(set) var acks: UInt32 = 0
    /// Two ids for each code from 100: its class's, and its own or 0.
    private let byCode = UnsafeMutablePointer<(UInt32, UInt32)>.allocate(capacity: 900)

    init() { byCode.initialize(repeating: (0, 0), count: 900) }

    mutating func declare(_ host: Host) {
        let classes: [StaticString] = [
            "1xx_replies", "2xx_replies", "3xx_replies", "4xx_replies", "5xx_replies", "6xx_replies",
        ]
        for (index, name) in classes.enumerated() {
            let id = host.counter("sl", name, doc: "Stateless replies of this class.")
            for code in 0..<100 { byCode[index * 100 + code].0 = id }
        }
        let others = host.counter("sl", "xxx_replies", doc: "Stateless replies with a code that SIP does not have.")
        for code in 600..<900 { byCode[code].0 = others }
        let codes: [(Int, StaticString)] = [
            (200, "200_replies"), (202, "202_replies"), (300, "300_replies"), (301, "301_replies"),
            (302, "302_replies"), (400, "400_replies"), (401, "401_replies"), (403, "403_replies"),
            (404, "404_replies"), (407, "407_replies"), (408, "408_replies"), (483, "483_replies"),
            (500, "500_replies"),
        ]
        for (code, name) in codes {
            byCode[code - 100].1 = host.counter("sl", name, doc: "Stateless replies with this code.")
        }
        sent = host.counter("sl", "sent_replies", doc: "Stateless replies sent.")
        sentErrors = host.counter("sl", "sent_err_replies", doc: "Replies sent by sl_reply_error.")
        failures = host.counter("sl", "failures", doc: "Stateless replies that could not be sent.")
        acks = host.counter("sl", "received_ACKs", doc: "ACKs to stateless replies, absorbed before the script.")
    }

    /// A reply with that code, 100 to 999, has left.
    func count(_ host: Host, code: Int) {
        let (family, own) = byCode[code &- 100]
        host.bump(sent)
        host.bump(family)
        if own != 0 { host.bump(own) }
    }
}
