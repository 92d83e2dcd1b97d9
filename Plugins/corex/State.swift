import PluginKit

// Invariants: the State is written on the main thread before workers start and only read by them. A WorkerState belongs to its worker.

/// What the module keeps for the life of the server.
struct State {
    var interceptsTraffic: Int64 = 0
    var shortestTraffic: Int64 = 0
    var trafficVariableName = apus_str()
    /// `nio_msg_avp`, compiled.
    var trafficVariable: OpaquePointer?
    var trafficEvent: CInt = 0
    var replyEvent: CInt = 0
    var workerSlot: CInt = 0
    var innerFlagSlot: CInt = 0
    /// The statistic core:fwd_replies.
    var forwardedReplies: UInt32 = 0
    /// Of the core: `server_id`, `xavp_via_params`, `xavp_via_fields`, `xavp_via_reply_params`.
    var serverID: Int64 = 0
    var viaParamsName = apus_str()
    var viaFieldsName = apus_str()
    var replyViaParamsName = apus_str()
    /// As they are read, and the table that workers see.
    var domains: [SubdomainAlias] = []
    var domainTable: UnsafeMutablePointer<SubdomainAlias>?
    var domainCount = 0
    var records: [KnownRecord] = []
}

/// What a worker keeps.
struct WorkerState {
    /// network:msg looks at what is about to leave.
    var isOutgoing = false
}

/// Made as the module is declared, before anything else of it runs. A plain pointer: messages read it without asking whether it is there.
private nonisolated(unsafe) var shared: UnsafeMutablePointer<State>?

func makeState() { shared = shared ?? permanent(State()) }

var state: UnsafeMutablePointer<State> { shared.unsafelyUnwrapped }

extension UnsafePointer<apus_host> {
    /// The calling worker's.
    var workerState: UnsafeMutablePointer<WorkerState>? {
        pointee.slots.pointee.worker(self, state.pointee.workerSlot)?.assumingMemoryBound(to: WorkerState.self)
    }
}

extension UnsafeMutablePointer<State> {
    /// Parameters are set. False: one is wrong, which is in the log.
    func begin(_ host: Host) -> Bool {
        pointee.serverID = host.core("server_id").num
        pointee.viaParamsName = host.core("xavp_via_params").str
        pointee.viaFieldsName = host.core("xavp_via_fields").str
        pointee.replyViaParamsName = host.core("xavp_via_reply_params").str
        if !pointee.domains.isEmpty {
            let table = UnsafeMutablePointer<SubdomainAlias>.allocate(capacity: pointee.domains.count)
            for (index, alias) in pointee.domains.enumerated() { (table + index).initialize(to: alias) }
            pointee.domainTable = table
            pointee.domainCount = pointee.domains.count
            _ = host.pointee.net.pointee.add_myself(host, isSubdomain)
        }
        guard !pointee.trafficVariableName.isEmpty else { return true }
        pointee.trafficVariable = host.pointee.vars.pointee.compile(host, pointee.trafficVariableName)
        return pointee.trafficVariable != nil
    }
}
