import PluginKit
import RoutingKit

// Invariants: as PluginKit's Call and Host. What `unchecked` lets through here is [no-alloc] by the contract, or takes memory of the worker or the run.

/// What the hot path asks of the server.
extension UnsafePointer<apus_host> {
    /// The calling worker's.
    @inline(__always)
    var media: UnsafeMutablePointer<WorkerState>? {
        unchecked { pointee.slots.pointee.worker(self, state.pointee.workerSlot) }?
            .assumingMemoryBound(to: WorkerState.self)
    }

    /// Monotonic milliseconds.
    @inline(__always)
    var now: UInt64 { unchecked { pointee.timer.pointee.now(self) } }

    @inline(__always)
    func count(_ counter: UInt32) { unchecked { bump(counter) } }

    /// Memory of the worker; nil when that is out.
    @inline(__always)
    func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        unchecked { pointee.memory.pointee.allocate(self, size) }
    }

    @inline(__always)
    func release(_ memory: UnsafeMutableRawPointer) { unchecked { pointee.memory.pointee.release(self, memory) } }
}

extension UnsafePointer<apus_call> {
    /// Memory of the run; nil when its limit is reached.
    @inline(__always)
    func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        unchecked { host.pointee.script.pointee.allocate(self, size) }
    }

    /// Nil when it is $null.
    @inline(__always)
    func read(_ variable: OpaquePointer) -> apus_value? {
        unchecked {
            var value = apus_value()
            return host.pointee.vars.pointee.get(self, variable, &value) > 0 ? value : nil
        }
    }

    @inline(__always)
    func put(_ variable: OpaquePointer?, _ value: apus_value) {
        guard let variable else { return }
        unchecked {
            var value = value
            _ = host.pointee.vars.pointee.set(self, variable, &value)
        }
    }

    /// A number as digits; nil when the value is neither number nor text, or memory is out.
    func text(of value: apus_value) -> apus_str? {
        if value.isText { return value.str }
        guard value.isInt else { return nil }
        return unchecked {
            guard var writer = writer(24) else { return nil }
            writer.add(number: value.num)
            return writer.text
        }
    }

    /// An error in the log, put together without memory of its own, and the function's answer: false.
    func refuse(_ what: apus_str, _ why: StaticString) -> CInt {
        refuse(what, apus_str(start: why.utf8Start, count: why.utf8CodeUnitCount))
    }

    func refuse(_ what: apus_str, _ why: apus_str = "") -> CInt {
        tell(.error, what, why)
        return .false
    }

    func tell(_ level: LogLevel, _ what: apus_str, _ why: apus_str) {
        unchecked {
            withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { memory in
                var writer = Writer(memory.baseAddress.unsafelyUnwrapped, capacity: memory.count)
                writer.add(what)
                writer.add(why.len > 400 ? why[0..<400] : why)
                log(level, writer.text)
            }
        }
    }
}

extension apus_str {
    /// Byte for byte.
    @inline(__always)
    func isSame(_ other: apus_str) -> Bool { unchecked { equals(other) } }
}

extension Message {
    @inline(__always)
    func text(_ number: Int) -> apus_str { unchecked { field(number) } }

    /// What was changed of the body becomes the body.
    @inline(__always)
    func applyEdits() {
        unchecked { if api.pointee.is_body_edited(handle) > 0 { _ = api.pointee.apply_edits(handle) } }
    }

    /// The body, or the part of it, that is a session description; nil when there is none.
    @inline(__always)
    var description: apus_str? { unchecked { sdp } }

    /// The body has ICE candidates that belong to a description of before (RFC 8840).
    @inline(__always)
    var isICEFragment: Bool {
        unchecked { field(APUS_FIELD_CONTENT_TYPE).isMediaType("application/trickle-ice-sdpfrag") }
    }
}
