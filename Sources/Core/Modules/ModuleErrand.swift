import Glibc
import PluginAPI

// Invariants: a ModuleErrand is one piece of the C library's memory, since it is made on one thread and freed on another: its head, the module's
// data, and the texts to which that points. It is the sender's until it is posted, then the worker's, which frees it. `job` is its
// first member.

/// Something that a module has done on another worker, with copies of what it needs: `worker->send` and `worker->ask`.
struct ModuleErrand {
    private var job: apus_job
    private let run: @convention(c) (UnsafePointer<apus_host>, UnsafeMutableRawPointer) -> CInt
    /// The script that waits for its answer; 0: none does.
    private let token: apus_token

    /// Where the data begins.
    private static let head = (MemoryLayout<ModuleErrand>.size + 15) & ~15

    static func send(_ errand: UnsafePointer<apus_errand>, _ host: UnsafePointer<apus_host>) -> Bool {
        guard let made = make(errand, apus_token(), host) else { return false }
        host.pointee.worker.pointee.post(host, errand.pointee.worker, made)
        return true
    }

    /// The result of the function that asks.
    static func ask(
        _ errand: UnsafePointer<apus_errand>, _ call: UnsafePointer<apus_call>, _ milliseconds: UInt32
    ) -> CInt {
        let host = call.pointee.host
        let own = host.pointee.worker.pointee.index(host)
        if own >= 0, UInt32(own) == errand.pointee.worker {
            if let data = errand.pointee.data { return errand.pointee.run(host, data) }
            return withUnsafeTemporaryAllocation(byteCount: 8, alignment: 8) { nothing in
                errand.pointee.run(host, nothing.baseAddress.unsafelyUnwrapped)
            }
        }
        guard own >= 0, errand.pointee.worker < host.pointee.worker.pointee.count(host) else { return CInt(APUS_FALSE) }
        let token = host.pointee.suspend.pointee.begin(call, milliseconds, answered, nil)
        guard token.value != 0 else { return CInt(APUS_FALSE) }
        if let made = make(errand, token, host) {
            host.pointee.worker.pointee.post(host, errand.pointee.worker, made)
        } else {
            host.pointee.suspend.pointee.complete(host, token, CInt(APUS_FAILED), nil, nil)
        }
        return CInt(APUS_SUSPENDED)
    }

    /// [worker] The errand has come back, or its time is over.
    private static let answered: @convention(c) (UnsafePointer<apus_call>, CInt, UnsafeMutableRawPointer?) -> CInt = {
        _, status, result in
        // The answer travels as the payload's bits.
        guard status == CInt(APUS_OK) else { return CInt(APUS_FALSE) }
        return CInt(truncatingIfNeeded: Int(bitPattern: result))
    }

    /// [worker] Where it is done.
    private static let arrived: @convention(c) (UnsafePointer<apus_host>, UnsafeMutablePointer<apus_job>) -> Void = {
        host, job in
        let piece = UnsafeMutableRawPointer(job)
        let errand = piece.assumingMemoryBound(to: ModuleErrand.self).pointee
        let result = errand.run(host, piece + head)
        free(piece)
        guard errand.token.value != 0 else { return }
        host.pointee.suspend.pointee.complete(
            host, errand.token, CInt(APUS_OK), UnsafeMutableRawPointer(bitPattern: Int(result)), nil)
    }

    /// The errand as it travels; nil when there is no such worker, or memory is out.
    private static func make(
        _ errand: UnsafePointer<apus_errand>, _ token: apus_token, _ host: UnsafePointer<apus_host>
    ) -> UnsafeMutablePointer<apus_job>? {
        let given = errand.pointee
        guard given.worker < host.pointee.worker.pointee.count(host) else { return nil }
        let offsets = UnsafeBufferPointer(start: given.texts, count: given.texts == nil ? 0 : Int(given.text_count))
        let count = given.data == nil ? 0 : given.count
        var capacity = head + max(8, count)
        for offset in offsets {
            guard let data = given.data, Int(offset) + MemoryLayout<apus_str>.size <= count else { return nil }
            capacity += data.load(fromByteOffset: Int(offset), as: apus_str.self).len
        }
        guard let piece = malloc(capacity) else { return nil }
        piece.initializeMemory(
            as: ModuleErrand.self,
            to: ModuleErrand(
                job: apus_job(size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil), run: arrived),
                run: given.run, token: token))
        let copy = piece + head
        if let data = given.data { copy.copyMemory(from: data, byteCount: count) }
        var text = copy + max(8, count)
        for offset in offsets {
            var member = copy.load(fromByteOffset: Int(offset), as: apus_str.self)
            guard let source = member.s else { continue }
            text.copyMemory(from: source, byteCount: member.len)
            member.s = UnsafePointer(text.assumingMemoryBound(to: CChar.self))
            copy.storeBytes(of: member, toByteOffset: Int(offset), as: apus_str.self)
            text += member.len
        }
        return piece.assumingMemoryBound(to: apus_job.self)
    }
}
