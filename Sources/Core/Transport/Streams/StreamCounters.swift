/// Statistics of connections, group `tcp`, under the names that Kamailio gives them.
struct StreamCounters {
    let established, passiveOpen, connectSuccess, connectFailed: StatisticID
    let localReject, reset, timeout, sendTimeout, queueFull: StatisticID
    let opened, queued: StatisticID
    let received, sent, keepalives, broken: StatisticID

    /// nil when the statistics are full.
    init?(_ statistics: Statistics) {
        func declare(_ name: String, _ doc: String, kind: Statistics.Kind = .counter) -> StatisticID? {
            statistics.declare("tcp", name, doc, kind: kind)
        }
        guard let established = declare("established", "Connections established, in either direction."),
            let passiveOpen = declare("passive_open", "Connections accepted."),
            let connectSuccess = declare("connect_success", "Connections opened."),
            let connectFailed = declare("connect_failed", "Attempts to open a connection that failed."),
            let localReject = declare("local_reject", "Connections closed at once as there were too many."),
            let reset = declare("con_reset", "Connections that the peer reset, or that broke."),
            let timeout = declare("con_timeout", "Connections closed as nothing came for too long."),
            let sendTimeout = declare("send_timeout", "Connections closed as the peer took nothing for too long."),
            let queueFull = declare("sendq_full", "Messages refused as too many bytes waited to be written."),
            let opened = declare("current_opened_connections", "Connections that are open.", kind: .gauge),
            let queued = declare("current_write_queue_size", "Bytes that wait to be written.", kind: .gauge),
            let received = declare("received", "Messages received over connections."),
            let sent = declare("sent", "Messages written to connections."),
            let keepalives = declare("keepalives", "Pings of two empty lines."),
            let broken = declare(
                "broken_streams", "Connections closed as nobody could tell where the next message begins.")
        else { return nil }
        self.established = established
        self.passiveOpen = passiveOpen
        self.connectSuccess = connectSuccess
        self.connectFailed = connectFailed
        self.localReject = localReject
        self.reset = reset
        self.timeout = timeout
        self.sendTimeout = sendTimeout
        self.queueFull = queueFull
        self.opened = opened
        self.queued = queued
        self.received = received
        self.sent = sent
        self.keepalives = keepalives
        self.broken = broken
    }
}
