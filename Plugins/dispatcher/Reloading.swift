import Destinations
import Glibc
import PluginKit

// Invariants: a reload is begun and ended on the management thread. In between the source is read on an offload thread, which has the Reading alone.

/// Reading the source again: one at a time.
final class Reloading {
    static nonisolated(unsafe) var shared: Reloading?

    private let host: Host
    private var isUnderWay = false
    /// Monotonic milliseconds of the last one, or of the last change by commands.
    private var last: UInt64 = 0

    /// Who wants to know.
    enum Asker {
        case command(UInt64, isDry: Bool)
        /// In the text of the management interface.
        case form(UInt64)
        case script(apus_token)
    }

    /// What comes of it: nil, or why nothing has changed.
    typealias Failure = String

    init(_ host: Host) { self.host = host }

    /// The source as it is read.
    private final class Reading {
        let reloading: Reloading
        let asker: Asker
        var contents = Source.Contents()

        init(_ reloading: Reloading, _ asker: Asker) {
            self.reloading = reloading
            self.asker = asker
        }
    }

    /// A piece of memory that travels: to the offload thread, and back.
    private struct Errand {
        var job: apus_job
        let reading: Unmanaged<Reading>
    }

    /// [management] A change by a command may begin: false while a reload is under way, or too soon after the last one.
    func admit() -> Bool {
        let now = host.now
        let delta = UInt64(state.pointee.settings.reloadDelta) * 1000
        guard !isUnderWay, last == 0 || now >= last + delta else { return false }
        last = now
        return true
    }

    /// [management] False when it cannot begin now.
    func begin(_ asker: Asker) -> Bool {
        guard admit() else { return false }
        let reading = Unmanaged.passRetained(Reading(self, asker))
        let errand = UnsafeMutablePointer<Errand>.allocate(capacity: 1)
        let job = apus_job(
            size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil), run: Reloading.read)
        errand.initialize(to: Errand(job: job, reading: reading))
        let node = UnsafeMutableRawPointer(errand).assumingMemoryBound(to: apus_job.self)
        guard host.pointee.offload.pointee.post(host, node) > 0 else {
            reading.release()
            errand.deallocate()
            return false
        }
        isUnderWay = true
        return true
    }

    /// [offload]
    private static let read: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { host, job in
        let errand = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Errand.self)
        let reading = errand.pointee.reading.takeUnretainedValue()
        var isDry = false
        if case .command(_, true) = reading.asker { isDry = true }
        if let source = state.pointee.source { reading.contents = source.read(host, looksUp: !isDry) }
        job.pointee.run = Reloading.home
        guard host.pointee.loop.pointee.post(host, job) > 0 else {
            // The server stops: nobody asks any more.
            errand.pointee.reading.release()
            errand.deallocate()
            return
        }
    }

    /// [management]
    private static let home: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { _, job in
        let errand = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Errand.self)
        let reading = errand.pointee.reading.takeRetainedValue()
        errand.deallocate()
        reading.reloading.finish(reading)
    }

    private func finish(_ reading: Reading) {
        isUnderWay = false
        let contents = reading.contents
        if case .command(let deferral, true) = reading.asker { return showDifferences(contents, deferral) }
        for remark in contents.remarks { host.log(remark.level, remark.text) }
        if let failure = contents.failure {
            host.log(.error, "nothing is reloaded: \(failure)")
        } else {
            Sets.shared?.put(contents.destinations)
            host.log(.info, "\(contents.destinations.count) destinations are in force")
        }
        switch reading.asker {
        case .script(let token):
            let status = CInt(contents.failure == nil ? APUS_OK : APUS_FAILED)
            host.pointee.suspend.pointee.complete(host, token, status, nil, nil)
        case .command(let deferral, _):
            answer(deferral) { command in
                if let failure = contents.failure {
                    command.fail(500, composed: "Reload Failed: \(failure)")
                } else {
                    command.add(nil, "Ok. Dispatcher successfully reloaded.")
                }
            }
        case .form(let deferral):
            answer(deferral) { command in
                if let failure = contents.failure { command.fail(500, composed: "Reload Failed: \(failure)") }
            }
        }
    }

    /// [management] For a command, which answers later: what its `call` answers.
    static func begin(_ command: Command, _ asker: (UInt64) -> Asker) -> CInt {
        guard let shared else { return command.fail(500, "Reload Failed") }
        let deferral = command.rpc.pointee.defer(command, 0)
        guard deferral != 0 else { return .false }
        if !shared.begin(asker(deferral)) { shared.answer(deferral) { $0.fail(500, "Ongoing reload") } }
        return .suspended
    }

    private func answer(_ deferral: UInt64, _ body: (Command) -> Void) {
        guard let command = host.pointee.rpc.pointee.resume(host, deferral) else { return }
        body(command)
        host.pointee.rpc.pointee.finish(host, deferral)
    }

    private func showDifferences(_ contents: Source.Contents, _ deferral: UInt64) {
        answer(deferral) { command in
            if let failure = contents.failure {
                command.fail(500, composed: "Reload Failed: \(failure)")
                return
            }
            // Not with the snapshot: that one has what the parameters add.
            let differences = Differences(
                from: Sets.shared?.current.map(\.draft) ?? [], to: contents.destinations.map(\.draft))
            command.map {
                command.array("added") { for line in differences.added { command.add(text: line) } }
                command.array("removed") { for line in differences.removed { command.add(text: line) } }
                command.array("changed") { for line in differences.changed { command.add(text: line) } }
                command.array("remarks") { for remark in contents.remarks { command.add(text: remark.text) } }
            }
        }
    }
}

/// `ds_reload()`
func declareReloading(_ host: Host) {
    host.function(
        "ds_reload", flags: APUS_MAY_SUSPEND,
        doc: "Reads the destination sets again, and waits until they are in force; false when nothing has changed.",
        call: reload)
}

private struct Wish {
    var job: apus_job
    let token: apus_token
}

private let reload: @convention(c) (Call) -> CInt = { call in
    let host = call.host
    let token = host.pointee.suspend.pointee.begin(
        call, 0, { _, status, _ in status == CInt(APUS_OK) ? .true : .false }, nil)
    guard token.value != 0 else { return call.fail("ds_reload: the script cannot wait here, or too many do") }
    let wish = UnsafeMutablePointer<Wish>.allocate(capacity: 1)
    let job = apus_job(
        size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil),
        run: { host, job in
            let wish = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Wish.self)
            let token = wish.pointee.token
            wish.deallocate()
            if Reloading.shared?.begin(.script(token)) != true {
                host.log(.error, "ds_reload: a reload is under way, or was shortly before")
                host.pointee.suspend.pointee.complete(host, token, CInt(APUS_BUSY), nil, nil)
            }
        })
    wish.initialize(to: Wish(job: job, token: token))
    let node = UnsafeMutableRawPointer(wish).assumingMemoryBound(to: apus_job.self)
    if host.pointee.loop.pointee.post(host, node) <= 0 {
        wish.deallocate()
        host.pointee.suspend.pointee.complete(host, token, CInt(APUS_CANCELLED), nil, nil)
    }
    return .suspended
}
