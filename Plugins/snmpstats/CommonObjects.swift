import PluginKit

/// What the SIP-COMMON-MIB has once.
extension Objects {
    private static let common: Path = [3, 1, 1, 1]

    /// - Parameter startTime: when the server started, by the clock of the master agent.
    mutating func addCommon(startTime: @escaping () -> UInt32) {
        let config = Objects.common + [1]
        constant(config + [1], .text("SIP/2.0"))  // SIPProtocolVersion
        add(config + [2]) { _ in .ticks(startTime()) }  // SIPServiceStartTime
        let roles = facts.settings.roles
        constant(config + [4], .octets([roles == 0 ? EntityRole.other.bit : roles]))  // SIPEntityType

        let summary = Objects.common + [3]
        counter(summary + [1], ("core", "rcv_requests"))  // SIPSummaryInRequests
        counter(summary + [2], ("core", "sent_requests"))  // SIPSummaryOutRequests
        counter(summary + [3], ("core", "rcv_replies"))  // SIPSummaryInResponses
        counter(summary + [4], ("core", "sent_replies"))  // SIPSummaryOutResponses
        // SIPSummaryTotalTransactions: a proxy has both sides (RFC 4780)
        counter(summary + [5], ("tmx", "UAS_transactions"), ("tm", "client_transactions"))
        gauge(Objects.common + [6, 1], "tmx", "inuse_transactions")  // SIPCurrentTransactions

        let other = Objects.common + [8]
        counter(other + [1], ("core", "bad_URIs_rcvd"))  // SIPNumUnsupportedUris
        counter(other + [2], ("core", "unsupported_methods"))  // SIPNumUnsupportedMethods
        counter(
            other + [3], ("core", "err_requests"), ("core", "err_replies"), ("core", "drop_requests"),
            ("core", "drop_replies"))  // SIPOtherwiseDiscardedMsgs
    }
}
