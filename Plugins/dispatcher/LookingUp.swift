import Destinations
import PluginKit
import Synchronization

// Invariants: Naming is made in `start` and used on the management thread from then on. A Round is asked on an offload thread, which publishes what it finds; it
// holds a use of each of its cells. A Wish is a piece of memory that travels to the management thread.

/// Looking up names again while the server runs: one round at a time.
final class Naming {
    static nonisolated(unsafe) var shared: Naming?

    /// How long a script waits for a round, in milliseconds; then what was known before holds.
    static let scriptPatience: UInt32 = 2000

    private let host: Host
    private var isUnderWay = false
    /// Scripts that wait for the end of the round.
    private var waiting: [apus_token] = []

    init(_ host: Host) { self.host = host }

    /// What one round asks for.
    private final class Round {
        var questions: [(text: String, cell: CellRef)] = []
    }

    private struct Errand {
        var job: apus_job
        let round: Unmanaged<Round>
    }

    /// [management] There are other destinations.
    func setsChanged() {
        tellDue()
        if state.pointee.settings.dnsMode & 5 != 0 { begin() }
    }

    /// [management] A script waits for what is not known any more.
    fileprivate func begin(for token: apus_token) {
        waiting.append(token)
        begin()
    }

    /// [management] Asks for all whose time is over, unless a round is under way: that one has them, or the next one will.
    fileprivate func begin() {
        guard !isUnderWay else { return }
        let round = Round()
        let now = host.clock
        eachName { one, cell in
            guard cell.pointee.namesDue.load(ordering: .relaxed) <= now else { return }
            cell.retain()
            let text = Names.question(one.pointee.uri.string, host: one.pointee.host.string, port: one.pointee.port)
            round.questions.append((text, cell))
        }
        guard !round.questions.isEmpty else { return end() }
        let held = Unmanaged.passRetained(round)
        let errand = UnsafeMutablePointer<Errand>.allocate(capacity: 1)
        let job = apus_job(size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil), run: Naming.ask)
        errand.initialize(to: Errand(job: job, round: held))
        let node = UnsafeMutableRawPointer(errand).assumingMemoryBound(to: apus_job.self)
        guard host.pointee.offload.pointee.post(host, node) > 0 else {
            for question in round.questions { question.cell.release() }
            held.release()
            errand.deallocate()
            host.log(.warning, "names cannot be looked up now: too much waits for a thread")
            state.pointee.shared.pointee.namesDue.store(now + 1000, ordering: .relaxed)
            return answer()
        }
        isUnderWay = true
    }

    /// [offload]
    private static let ask: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { host, job in
        let errand = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Errand.self)
        let round = errand.pointee.round.takeUnretainedValue()
        let found = Names.find(host, round.questions.map(\.text))
        for (text, cell) in round.questions {
            if let name = found[text] {
                // What was known before stays, and is told of once.
                if name.addresses.isEmpty, cell.pointee.namesDue.load(ordering: .relaxed) == 0 {
                    host.log(.warning, "no address is known for \(text): requests from there are not recognised")
                }
                if let old = cell.take(name) {
                    host.pointee.shared.pointee.retire(host, old) { _, old in old.deallocate() }
                }
            }
            cell.release()
        }
        job.pointee.run = Naming.home
        guard host.pointee.loop.pointee.post(host, job) > 0 else {
            // The server stops.
            errand.pointee.round.release()
            errand.deallocate()
            return
        }
    }

    /// [management]
    private static let home: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { _, job in
        let errand = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Errand.self)
        errand.pointee.round.release()
        errand.deallocate()
        shared?.isUnderWay = false
        shared?.end()
    }

    private func end() {
        tellDue()
        answer()
    }

    private func answer() {
        for token in waiting { host.pointee.suspend.pointee.complete(host, token, CInt(APUS_OK), nil, nil) }
        waiting = []
    }

    /// Workers compare this one number with the time.
    func tellDue() {
        var due = UInt64.max
        eachName { _, cell in due = min(due, cell.pointee.namesDue.load(ordering: .relaxed)) }
        state.pointee.shared.pointee.namesDue.store(due, ordering: .relaxed)
    }

    private func eachName(_ body: (UnsafeMutablePointer<Destination>, CellRef) -> Void) {
        guard let snapshot = state.snapshot else { return }
        for index in 0..<snapshot.pointee.count {
            let one = snapshot.pointee.destinations + index
            if one.pointee.address.family == 0, !one.pointee.flags.contains(.noLookup) { body(one, one.pointee.cell) }
        }
    }
}

/// [start] Names are looked up by timer, if wanted.
func beginLookingUp(_ host: Host) -> Bool {
    let naming = Naming(host)
    Naming.shared = naming
    naming.tellDue()
    let settings = state.pointee.settings
    guard settings.dnsMode & 4 != 0 else { return true }
    let interval = UInt32(settings.dnsInterval * 1000)
    return host.pointee.timer.pointee.every(
        host, interval, UInt32(APUS_TIMER_ONE_WORKER), { _ = askForNames($0.pointee.host, nil) }, nil) > 0
}

private struct Wish {
    var job: apus_job
    let token: apus_token?
}

/// [any] Begins a round.
/// - Parameter token: of the script that waits for its end.
/// - Returns: false when nobody can be asked; then the script is not told.
func askForNames(_ host: Host, _ token: apus_token?) -> Bool {
    let wish = UnsafeMutablePointer<Wish>.allocate(capacity: 1)
    let job = apus_job(
        size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil),
        run: { _, job in
            let wish = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Wish.self)
            let token = wish.pointee.token
            wish.deallocate()
            if let token { Naming.shared?.begin(for: token) } else { Naming.shared?.begin() }
        })
    wish.initialize(to: Wish(job: job, token: token))
    let node = UnsafeMutableRawPointer(wish).assumingMemoryBound(to: apus_job.self)
    if host.pointee.loop.pointee.post(host, node) > 0 { return true }
    wish.deallocate()
    return false
}

extension Call {
    /// Names are to be asked for at each match, and some are not known any more.
    var needsNames: Bool {
        state.pointee.settings.dnsMode & 2 != 0
            && host.clock >= state.pointee.shared.pointee.namesDue.load(ordering: .relaxed)
    }

    /// Waits for them, then goes on with `body`; where a script cannot wait, it goes on with what is known.
    func afterNames(_ body: @escaping @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt) -> CInt {
        let token = host.pointee.suspend.pointee.begin(self, Naming.scriptPatience, body, nil)
        if token.value != 0, askForNames(host, token) { return .suspended }
        if token.value == 0 { _ = askForNames(host, nil) }
        return body(self, CInt(APUS_OK), nil)
    }
}
