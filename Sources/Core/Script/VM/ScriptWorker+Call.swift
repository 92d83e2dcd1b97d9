import PluginAPI

// Invariants: the run exists for the time of one `call` only; its kind allows neither waiting nor another route, so that it is over when the
// body has returned.

extension UnsafeMutablePointer<ScriptWorker> {
    /// [worker] Calls `body` as if a script had called a function of that module, outside of all scripts.
    func call(
        _ image: UnsafePointer<ProgramImage>, host: UnsafePointer<apus_host>, message: Message,
        avps: UnsafeMutablePointer<AVPSet>?, user: UnsafeMutableRawPointer?,
        _ body: @convention(c) (UnsafePointer<apus_call>) -> CInt
    ) -> CInt {
        let run = begin(image, message: message, context: nil) { _ in }
        // As onsend_route, where nothing can wait.
        run.pointee.routeKind = UInt32(APUS_ONSEND_ROUTE)
        // And no route can be entered: nobody would run it.
        run.pointee.enteredRoute = true
        if let avps {
            avps.retain()
            run.pointee.avps = avps
        }
        var call = apus_call(
            size: UInt32(MemoryLayout<apus_call>.size), count: 0, route_kind: UInt32(APUS_EVENT_ROUTE), reserved: 0,
            host: host, run: OpaquePointer(run), msg: message.opaque, args: nil, user: user)
        let result = body(&call)
        run.pointee.enteredRoute = false
        finish(run)
        return result
    }
}
