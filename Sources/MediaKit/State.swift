import Glibc
import PluginKit
import Synchronization
import TableKit

// Invariants: the State is made as the module is declared, written on the main thread until `start` has run, and constant from then on; what it leads to
// lives for ever. Each module that is made of this library has one of its own.

/// What the module keeps for the life of the server.
struct State {
    let host: Host
    let dialect: Dialect
    var settings = Settings()
    /// Values of the parameter that names proxies.
    var sockets: [String] = []
    /// Where marks of calls' sound go.
    var marks = MarkVariables()
    var digits = Digits()
    let renewed: Renewed<PeerSets>
    let inForce: InForce<PeerSets>
    let shared: UnsafeMutablePointer<Shared>
    let process = getpid()
    var counters = Counters()
    var workerSlot: CInt = -1
    /// Of messages: the set that the script has chosen.
    var setSlot: CInt = -1
    /// Of messages: what was counted.
    var totalsSlot: CInt = -1
    /// Nil without tm.
    var tm: UnsafePointer<tm_api>?
    // Compiled parameters.
    var extraID: OpaquePointer?
    var setVariable: OpaquePointer?
    var readVariable: OpaquePointer?
    var writeVariable: OpaquePointer?
    var instanceVariable: OpaquePointer?
    var durationVariable: OpaquePointer?
    /// Address that commands leave from.
    var sendFrom: apus_address?
    var table: SocketTable?
}

/// What all workers and operators see.
struct Shared: ~Copyable {
    /// All proxies.
    let peers = PeerList()
    /// Calls that all workers remember.
    let calls = Atomic<Int64>(0)
}

private nonisolated(unsafe) var made: UnsafeMutablePointer<State>?

/// [declare]
func makeState(_ host: Host, _ dialect: Dialect) {
    let shared = UnsafeMutablePointer<Shared>.allocate(capacity: 1)
    shared.initialize(to: Shared())
    let renewed = Renewed(PeerSets.self)
    made =
        made
        ?? permanent(
            State(
                host: host, dialect: dialect, renewed: renewed, inForce: renewed.inForce, shared: shared))
    if dialect == .letters { made?.pointee.settings.hashAlgorithm = 0 }
}

var state: UnsafeMutablePointer<State> { made.unsafelyUnwrapped }

extension UnsafeMutablePointer<State> {
    /// The sets in force: for the call of a worker, or of the management thread.
    @inline(__always)
    var sets: UnsafeMutablePointer<PeerSets>? { pointee.inForce.current }
}

/// Ids of the module's statistics.
struct Counters {
    var offers: UInt32 = 0
    var answers: UInt32 = 0
    var deletions: UInt32 = 0
    var others: UInt32 = 0
    var replaced: UInt32 = 0
    var refused: UInt32 = 0
    var broken: UInt32 = 0
    var strange: UInt32 = 0
    var silent: UInt32 = 0
    var repeated: UInt32 = 0
    var failovers: UInt32 = 0
    var dead: UInt32 = 0
    var alive: UInt32 = 0
    var withoutDescription: UInt32 = 0
    var lostDeletions: UInt32 = 0
    var pings: UInt32 = 0
    var withoutSet: UInt32 = 0
    /// Of rtpengine alone.
    var digits: UInt32 = 0
    var brokenDigits: UInt32 = 0

    /// [declare]
    init(_ host: Host, group: StaticString) {
        offers = host.counter(group, "offers", doc: "Offers that were shown to a proxy.")
        answers = host.counter(group, "answers", doc: "Answers that were shown to a proxy.")
        deletions = host.counter(group, "deletes", doc: "Sessions that a proxy was told to end.")
        others = host.counter(
            group, "other_commands", doc: "Further commands to proxies, without pings.")
        pings = host.counter(group, "pings", doc: "Pings that were sent to proxies.")
        replaced = host.counter(
            group, "replaced", doc: "Session descriptions that were replaced by a proxy's.")
        withoutDescription = host.counter(
            group, "no_sdp", doc: "Calls of functions for messages without a session description.")
        withoutSet = host.counter(
            group, "no_set", doc: "Sets of proxies that were asked for and are not there.")
        refused = host.counter(group, "refused", doc: "Commands that a proxy answered with an error.")
        broken = host.counter(
            group, "broken_answers", doc: "Answers that could not be understood or lack something.")
        strange = host.counter(
            group, "strange_answers",
            doc: "Datagrams that answer no command that waits: late, twice, or of others.")
        repeated = host.counter(group, "repeated", doc: "Commands that were sent once more.")
        silent = host.counter(group, "unserved", doc: "Commands that no proxy was there for.")
        failovers = host.counter(group, "failovers", doc: "Commands that were taken to another proxy.")
        lostDeletions = host.counter(
            group, "lost_deletes", doc: "Ends of sessions that no proxy has confirmed.")
        dead = host.counter(
            group, "disabled", doc: "Proxies that were disabled as they did not answer.")
        alive = host.counter(group, "enabled", doc: "Proxies that answered again and were enabled.")
    }

    init() {}
}
