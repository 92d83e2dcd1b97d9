/// What the statistics of group `db` count, over all pools.
struct DatabaseCounters: Sendable {
    let statistics: Statistics
    let done, failed, timedOut, refused, lost, connected: StatisticID

    /// Nil when there is no room for them.
    init?(_ statistics: Statistics) {
        func declare(_ name: String, _ doc: String) -> StatisticID? { statistics.declare("db", name, doc) }
        guard let done = declare("done", "Work that databases have done."),
            let failed = declare("failed", "Work that databases have refused, or that met none."),
            let timedOut = declare("timed_out", "Work whose time was over first."),
            let refused = declare("refused", "Work that was not taken: too much waited, or the database was down."),
            let lost = declare("lost", "Connections that broke."),
            let connected = declare("connected", "Connections that were made.")
        else { return nil }
        self.statistics = statistics
        self.done = done
        self.failed = failed
        self.timedOut = timedOut
        self.refused = refused
        self.lost = lost
        self.connected = connected
    }

    /// From any thread.
    func count(_ id: StatisticID) { statistics.bump(id) }
}
