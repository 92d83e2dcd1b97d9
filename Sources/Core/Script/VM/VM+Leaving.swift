import PluginAPI

// Invariants: see VM.swift. A frame with `then` is the border of a C function that runs a route: exit and drop end there.

/// How the machine goes on behind a call or the end of a block.
enum Step {
    case proceed
    case suspend
    case finish
}

extension UnsafeMutablePointer<Run> {
    /// A block has ended by its last statement, return, exit, drop or break.
    func leave(_ opcode: Opcode, _ value: Int32) -> Step {
        // `return 0` is exit; the end of a block and `break` never are.
        let exits = opcode == .exit || opcode == .drop || (opcode == .return && value == 0)
        return exits ? unwind(value, dropped: opcode == .drop) : returnToCaller(value)
    }

    private func returnToCaller(_ value: Int32) -> Step {
        guard pointee.frameCount > 0 else {
            pointee.end.code = value
            return .finish
        }
        pointee.frameCount -= 1
        let frame = pointee.frames[Int(pointee.frameCount)]
        guard frame.then == nil else { return tell(frame, value, exited: false, dropped: false) }
        pointee.pc = frame.returnPC
        pointee.stackCount = frame.stackCount
        pointee.code = value
        pointee.rc = value
        return .proceed
    }

    /// exit, drop and a function's 0: past all script frames, to the C function that asked for the route, or to the end.
    func unwind(_ value: Int32, dropped: Bool) -> Step {
        while pointee.frameCount > 0 {
            pointee.frameCount -= 1
            let frame = pointee.frames[Int(pointee.frameCount)]
            if frame.then != nil { return tell(frame, value, exited: true, dropped: dropped) }
        }
        pointee.end.code = value
        pointee.end.exited = true
        pointee.end.dropped = dropped
        return .finish
    }

    /// The route that a C function asked for is over: its `then` gives the function's result, or asks for more.
    private func tell(_ frame: Run.Frame, _ value: Int32, exited: Bool, dropped: Bool) -> Step {
        pointee.pc = frame.returnPC
        pointee.stackCount = frame.stackCount
        pointee.routeKind = frame.routeKind
        let ended = pointee.message
        pointee.message = frame.message
        pointee.site = frame.site
        pointee.arguments = frame.arguments
        pointee.enteredRoute = false
        var end = apus_route_end(
            size: UInt32(MemoryLayout<apus_route_end>.size), code: value, exited: exited ? 1 : 0,
            dropped: dropped ? 1 : 0,
            user: frame.user, msg: ended.opaque)
        guard let then = frame.then else { return .proceed }
        let result = withCall { call in withUnsafePointer(to: &end) { then(call, $0) } }
        return settle(result)
    }

    /// What a function's result means for the run.
    func settle(_ result: CInt) -> Step {
        if result == CInt(APUS_SUSPENDED) {
            if pointee.enteredRoute {
                pointee.enteredRoute = false
                return .proceed
            }
            if pointee.suspension != 0 { return .suspend }
            logAtStatement(.bug, "the function says it waits, but has begun no wait")
            return proceed(with: -1)
        }
        // It began to wait or to run a route and then thought better of it.
        dropSuspension()
        if pointee.enteredRoute {
            pointee.enteredRoute = false
            pointee.frameCount -= 1
            let frame = pointee.frames[Int(pointee.frameCount)]
            pointee.pc = frame.returnPC
            pointee.stackCount = frame.stackCount
            pointee.routeKind = frame.routeKind
            pointee.message = frame.message
            logAtStatement(.bug, "the function asked for a route but does not wait for it")
        }
        return proceed(with: result)
    }

    private func proceed(with result: CInt) -> Step {
        if pointee.site?.pointee.isQuestion == true { return .proceed }
        pointee.code = result
        if pointee.site?.pointee.setsRC ?? true { pointee.rc = result }
        return result == CInt(APUS_EXIT) ? unwind(0, dropped: false) : .proceed
    }

    /// `script->run`: pushes the border frame and points the machine at the route, or at the one of that kind and name in the run's own program.
    /// The function must answer APUS_SUSPENDED.
    func runRoute(
        _ route: UnsafePointer<CompiledRoute>, kind: UInt32, message: Message, then: @escaping Run.Frame.Then,
        user: UnsafeMutableRawPointer?
    ) -> CInt {
        let image = pointee.image
        let own = image.own(route)
        let frame = Run.Frame(
            then: then, user: user, site: pointee.site, arguments: pointee.arguments, message: pointee.message,
            returnPC: pointee.pc, stackCount: pointee.stackCount, routeKind: pointee.routeKind)
        guard !pointee.enteredRoute, pointee.suspension == 0, reserveStack(own?.pointee.depth ?? 1), push(frame) else {
            logAtStatement(.error, "the route cannot be run now: too deep, or the function waits")
            return CInt(APUS_FALSE)
        }
        pointee.enteredRoute = true
        pointee.message = message
        pointee.routeKind = kind
        pointee.code = 1
        // Where the program has none of that name nothing happens: its last instruction ends a block.
        pointee.pc = own?.pointee.entry ?? Int32(truncatingIfNeeded: image.pointee.codeCount &- 1)
        return CInt(APUS_SUSPENDED)
    }
}
