import PluginKit
import Synchronization

// Invariants: `place` holds the address of the content in force, which is never changed; the one before is freed when every worker has been between two
// callbacks since (apus/shared.h). A renewal begins and ends on the management thread; in between the content is read on an offload thread, which has the
// Attempt alone. A Renewal lives for ever.

/// What is read as a whole, and replaced as a whole.
public protocol Renewable {
    /// [start] [offload] Reads it; it may block.
    static func read(_ host: Host) throws(ReadFault) -> Self
    /// Frees what it holds: nobody sees it any more.
    func end()
}

/// What of a module workers see is read in `start`, and by command again: then the one or the other is in force, or, when reading fails, the one
/// that was.
public struct Renewed<Content: Renewable>: @unchecked Sendable {
    private let renewal: Renewal
    /// For those who see it on the way of every message.
    public let inForce: InForce<Content>

    /// [declare]
    public init(_ type: Content.Type) {
        renewal = Renewal(
            read: { host throws(ReadFault) in UnsafeMutableRawPointer(permanent(try Content.read(host))) },
            end: { raw in
                let content = raw.assumingMemoryBound(to: Content.self)
                content.pointee.end()
                content.deinitialize(count: 1)
                content.deallocate()
            })
        inForce = InForce(place: renewal.place)
    }

    /// [worker] [management] The content in force, until the callback returns; nil before `begin`.
    public var current: UnsafeMutablePointer<Content>? { inForce.current }

    /// [start] Reads it for the first time; false with the reason in the log.
    public func begin(_ host: Host) -> Bool { renewal.begin(host) }

    /// [management] For a command, which answers when the new one is in force, or says why it is not; what its `call` answers.
    /// - Parameters:
    ///   - seconds: the least time since the last renewal.
    ///   - done: adds what the command says then.
    ///   - failed: the fault of one that failed; nil: 500 and the reason.
    public func renew(
        _ command: Command, notWithin seconds: Int64 = 0, done: @escaping (Command) -> Void,
        failed: ((Command) -> Void)? = nil
    ) -> CInt {
        renewal.renew(command, seconds, done, failed)
    }

    /// [stop] Frees it: the workers have ended.
    public func end() { renewal.end() }
}

/// Where the content in force is found: plain data, which is copied without counting references.
public struct InForce<Content> {
    @usableFromInline let place: UnsafeMutablePointer<Atomic<UInt>>

    /// [worker] [management] As `Renewed.current`.
    @inlinable @inline(__always)
    public var current: UnsafeMutablePointer<Content>? {
        UnsafeMutablePointer(bitPattern: place.pointee.load(ordering: .acquiring))
    }
}

/// What of it does not depend on the content.
private final class Renewal {
    typealias Read = (Host) throws(ReadFault) -> UnsafeMutableRawPointer

    let place: UnsafeMutablePointer<Atomic<UInt>>
    private let read: Read
    private let free: (UnsafeMutableRawPointer) -> Void
    private var isUnderWay = false
    /// Monotonic milliseconds.
    private var last: UInt64?

    init(read: @escaping Read, end: @escaping (UnsafeMutableRawPointer) -> Void) {
        place = .allocate(capacity: 1)
        place.initialize(to: Atomic(0))
        (self.read, free) = (read, end)
    }

    /// One reading for a command.
    private final class Attempt {
        let renewal: Renewal
        let deferral: UInt64
        let done: (Command) -> Void
        let failed: ((Command) -> Void)?
        var result: Result<UnsafeMutableRawPointer, ReadFault> = .failure(ReadFault("it was not read"))

        init(
            _ renewal: Renewal, _ deferral: UInt64, _ done: @escaping (Command) -> Void, _ failed: ((Command) -> Void)?
        ) {
            (self.renewal, self.deferral, self.done, self.failed) = (renewal, deferral, done, failed)
        }
    }

    /// Travels to the offload thread, and back.
    private struct Errand {
        var job: apus_job
        let attempt: Unmanaged<Attempt>
    }

    /// An old content on its way to its end.
    private struct Old {
        let renewal: Unmanaged<Renewal>
        let content: UnsafeMutableRawPointer
    }

    func begin(_ host: Host) -> Bool {
        do throws(ReadFault) {
            put(try read(host), host)
            return true
        } catch {
            host.log(.error, error.text)
            return false
        }
    }

    func end() {
        if let last = UnsafeMutableRawPointer(bitPattern: place.pointee.exchange(0, ordering: .acquiringAndReleasing)) {
            free(last)
        }
    }

    private func put(_ content: UnsafeMutableRawPointer, _ host: Host) {
        let old = place.pointee.exchange(UInt(bitPattern: content), ordering: .acquiringAndReleasing)
        guard let old = UnsafeMutableRawPointer(bitPattern: old) else { return }
        let leaving = permanent(Old(renewal: .passRetained(self), content: old))
        host.pointee.shared.pointee.retire(host, leaving) { _, raw in
            let old = raw.assumingMemoryBound(to: Old.self)
            old.pointee.renewal.takeRetainedValue().free(old.pointee.content)
            old.deallocate()
        }
    }

    func renew(
        _ command: Command, _ seconds: Int64, _ done: @escaping (Command) -> Void, _ failed: ((Command) -> Void)?
    ) -> CInt {
        let host = command.host
        let now = host.pointee.timer.pointee.now(host)
        if isUnderWay || last.map({ now < $0 + UInt64(seconds) * 1000 }) ?? false {
            return command.fail(500, "ongoing reload")
        }
        let deferral = command.rpc.pointee.defer(command, 0)
        guard deferral != 0 else { return .false }
        let attempt = Unmanaged.passRetained(Attempt(self, deferral, done, failed))
        let job = apus_job(size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil), run: Renewal.work)
        let errand = permanent(Errand(job: job, attempt: attempt))
        let node = UnsafeMutableRawPointer(errand).assumingMemoryBound(to: apus_job.self)
        isUnderWay = true
        last = now
        if host.pointee.offload.pointee.post(host, node) <= 0 {
            errand.deallocate()
            let refused = attempt.takeRetainedValue()
            refused.result = .failure(ReadFault("too much waits for a thread"))
            finish(refused, host)
        }
        return .suspended
    }

    /// [offload]
    private static let work: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { host, job in
        let errand = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Errand.self)
        let attempt = errand.pointee.attempt.takeUnretainedValue()
        do throws(ReadFault) { attempt.result = .success(try attempt.renewal.read(host)) } catch {
            attempt.result = .failure(error)
        }
        job.pointee.run = Renewal.home
        guard host.pointee.loop.pointee.post(host, job) > 0 else {
            // The server stops: nobody asks any more.
            if case .success(let content) = attempt.result { attempt.renewal.free(content) }
            errand.pointee.attempt.release()
            errand.deallocate()
            return
        }
    }

    /// [management]
    private static let home: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { host, job in
        let errand = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Errand.self)
        let attempt = errand.pointee.attempt.takeRetainedValue()
        errand.deallocate()
        attempt.renewal.finish(attempt, host)
    }

    private func finish(_ attempt: Attempt, _ host: Host) {
        isUnderWay = false
        if case .success(let content) = attempt.result { put(content, host) }
        if case .failure(let fault) = attempt.result { host.log(.error, "nothing is reloaded: \(fault.text)") }
        guard let command = host.pointee.rpc.pointee.resume(host, attempt.deferral) else { return }
        switch attempt.result {
        case .success: attempt.done(command)
        case .failure(let fault):
            if let failed = attempt.failed { failed(command) } else { command.fail(500, composed: fault.text) }
        }
        host.pointee.rpc.pointee.finish(host, attempt.deferral)
    }
}
