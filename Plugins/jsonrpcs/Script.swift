import DoorKit
import JSON
import PluginKit

// Invariants: a ScriptWork is made on a worker, then the management thread's, which has its job's reference; its reply travels home with the
// suspension. The slot of a message owns a reference to a ScriptReply, which only its worker touches.

/// What `jsonrpc_exec` was answered.
final class ScriptReply {
    let code: Int64
    let text: [UInt8]
    let body: [UInt8]

    init(_ code: Int64, _ text: [UInt8], _ body: [UInt8]) { (self.code, self.text, self.body) = (code, text, body) }

    static func release(_ pointer: UnsafeMutableRawPointer) { Unmanaged<ScriptReply>.fromOpaque(pointer).release() }

    /// Makes it the reply of a message.
    func store(_ message: OpaquePointer, _ slots: apus_slots_api) {
        if let old = slots.message(message, state.pointee.slot) { ScriptReply.release(old) }
        slots.set_message(message, state.pointee.slot, Unmanaged.passRetained(self).toOpaque())
    }
}

/// A request of a script.
private final class ScriptWork: Work {
    private let token: apus_token
    private let text: [UInt8]
    private let job = UnsafeMutablePointer<Posted>.allocate(capacity: 1)

    struct Posted {
        /// First, so that the job is this.
        var job: apus_job
        let work: Unmanaged<ScriptWork>
    }

    init(_ host: Host, _ text: apus_str, _ token: apus_token) {
        self.text = Array(text.bytes)
        self.token = token
        super.init(host)
    }

    deinit { job.deallocate() }

    /// From the worker to the management thread. False: there is none.
    func post() -> Bool {
        let made = apus_job(
            size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil),
            run: { _, job in
                let posted = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Posted.self)
                posted.pointee.work.takeUnretainedValue().run()
            })
        job.initialize(to: Posted(job: made, work: Unmanaged.passRetained(self)))
        let raw = UnsafeMutableRawPointer(job).assumingMemoryBound(to: apus_job.self)
        if host.pointee.loop.pointee.post(host, raw) > 0 { return true }
        Unmanaged.passUnretained(self).release()
        return false
    }

    private func run() { text.withUnsafeBufferPointer { begin($0, Options(door: "jsonrpcs", peer: "script")) } }

    override func finish(_ response: [UInt8]?, code: Int64, _ text: String) {
        let reply = ScriptReply(code, Array(text.utf8), response ?? [])
        host.pointee.suspend.pointee.complete(
            host, token, CInt(APUS_OK), Unmanaged.passRetained(reply).toOpaque(), { ScriptReply.release($0!) })
        Unmanaged.passUnretained(self).release()
    }
}

/// Longer than a command may take on a worker.
private let limit: UInt32 = 15_000

/// `jsonrpc_exec(request)`
func execute(_ call: Call) -> CInt {
    let host = call.host
    let token = host.pointee.suspend.pointee.begin(
        call, limit,
        { call, status, payload in
            guard Int(status) == APUS_OK, let payload else {
                call.log(.error, "jsonrpc_exec: there was no answer in time")
                return .false
            }
            let reply = Unmanaged<ScriptReply>.fromOpaque(payload).takeUnretainedValue()
            reply.store(call.pointee.msg, call.host.pointee.slots.pointee)
            return .true
        }, nil)
    guard token.value != 0 else { return .false }
    if !ScriptWork(host, call.text(0), token).post() {
        host.pointee.suspend.pointee.complete(host, token, CInt(APUS_FAILED), nil, nil)
    }
    return .suspended
}

/// `$jsonrpl(code|text|body)`
func readReply(_ access: Access, _ value: UnsafeMutablePointer<apus_value>) -> CInt {
    guard let raw = access.host.pointee.slots.pointee.message(access.pointee.msg, state.pointee.slot) else {
        return .false
    }
    let reply = Unmanaged<ScriptReply>.fromOpaque(raw).takeUnretainedValue()
    if access.pointee.inner_id == 0 {
        value.pointee = apus_value(reply.code)
        return .true
    }
    let text = access.pointee.inner_id == 1 ? reply.text : reply.body
    guard var writer = access.writer(max(1, text.count)) else { return .false }
    text.withStr { writer.add($0) }
    return value.answer(writer.text)
}
