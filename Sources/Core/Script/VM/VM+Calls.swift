import Glibc
import PluginAPI

// Invariants: arguments of a call are the site's constants, or an array in the run's arena, so that they outlive a suspension.

extension UnsafeMutablePointer<Run> {
    /// Calls a function with the values that were pushed for it.
    func call(_ site: UnsafePointer<CallSite>, values: UnsafeMutablePointer<apus_value>) -> Step {
        pointee.site = site
        pointee.enteredRoute = false
        if let constants = site.pointee.constants {
            pointee.arguments = constants
        } else if site.pointee.argumentCount == 0 {
            pointee.arguments = nil
        } else if let arguments = evaluate(site, values) {
            pointee.arguments = arguments
        } else {
            return settle(CInt(APUS_FALSE))
        }
        if site.pointee.routes & pointee.routeKind == 0 {
            // Reached through a route that is also called from kinds that allow the function; the compiler has warned.
            logAtStatement(.debug, "called in a kind of route that it does not list")
        }
        pointee.worker.pointee.current = site
        if pointee.worker.pointee.latency.action > 0 { return settle(Latency.time(self, site)) }
        return settle(withCall { site.pointee.call($0) })
    }

    /// The call that is being made, as C sees it.
    @inline(__always)
    func withCall(_ body: (UnsafePointer<apus_call>) -> CInt) -> CInt {
        guard let site = pointee.site else { return CInt(APUS_FALSE) }
        var call = apus_call(
            size: UInt32(MemoryLayout<apus_call>.size), count: site.pointee.argumentCount,
            route_kind: pointee.routeKind,
            reserved: 0, host: site.pointee.host, run: OpaquePointer(self), msg: OpaquePointer(pointee.message.record),
            args: pointee.arguments, user: site.pointee.user)
        return body(&call)
    }

    /// Converts the pushed values to what the signature says; nil (with a log line) when one does not fit.
    private func evaluate(
        _ site: UnsafePointer<CallSite>, _ values: UnsafeMutablePointer<apus_value>
    ) -> UnsafePointer<apus_arg>? {
        let count = Int(site.pointee.argumentCount)
        guard let place = allocate(count * MemoryLayout<apus_arg>.stride) else {
            logAtStatement(.error, "the run's memory is used up")
            return nil
        }
        let arguments = place.bindMemory(to: apus_arg.self, capacity: count)
        var value = values
        for index in 0..<count {
            let plan = site.pointee.plans + index
            (arguments + index).initialize(to: plan.pointee.prototype)
            guard plan.pointee.conversion != .constant else { continue }
            guard convert(value.pointee, by: plan, into: arguments + index) else { return nil }
            value += 1
        }
        return UnsafePointer(arguments)
    }

    private func convert(
        _ value: apus_value, by plan: UnsafePointer<ArgumentPlan>, into argument: UnsafeMutablePointer<apus_arg>
    ) -> Bool {
        if value.hasFailed { return false }
        argument.pointee.given = 1
        switch plan.pointee.conversion {
        case .constant: break
        case .int, .flag:
            if value.hasText, !value.hasInt, value.str.asInt == 0, !value.str.isZero {
                logAtStatement(.error, "an argument should be a number, not: ", value.str.bytes)
                return false
            }
            if value.isNull {
                logAtStatement(.error, "an argument should be a number, but is $null")
                return false
            }
            argument.pointee.num = value.int
            if plan.pointee.conversion == .flag, !(0...31 ~= value.int) {
                logAtStatement(.error, "a flag's number is not between 0 and 31")
                return false
            }
        case .text, .uri:
            guard let text = text(of: value) else { return false }
            if plan.pointee.conversion == .uri, URI.parse(text.bytes) == nil {
                logAtStatement(.error, "an argument should be a URI, not: ", text.bytes)
                return false
            }
            argument.pointee.str = text
        case .value:
            argument.pointee.value = value.kind
            argument.pointee.num = value.num
            argument.pointee.str = value.str
        case .regex:
            guard let text = text(of: value), let regex = compile(text) else {
                logAtStatement(.error, "an argument should be a regular expression, not: ", value.str.bytes)
                return false
            }
            argument.pointee.str = text
            argument.pointee.regex = regex
        case .route:
            guard let text = text(of: value) else { return false }
            argument.pointee.str = text
            argument.pointee.route = pointee.image.route(named: text, kinds: plan.pointee.routeKinds)
                .map { OpaquePointer($0) }
        }
        return true
    }
}

extension apus_str {
    /// Reads as the number 0.
    fileprivate var isZero: Bool {
        guard len > 0 else { return false }
        return bytes.start[len - 1] == 0x30
    }
}
