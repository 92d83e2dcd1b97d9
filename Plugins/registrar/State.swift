import Glibc
import PluginKit
import Registration
import RoutingKit

// Invariants: there is one State, allocated when the module is loaded and never freed. It is written on the main thread, while the module
// declares itself and starts, and only read by workers. A Home is its worker's.

/// What the module keeps for the life of the server.
struct State {
    var settings = Settings()
    var sl: UnsafePointer<sl_api>?
    var usrloc: UnsafePointer<usrloc_api>?
    /// usrloc's parameters that matter here.
    var location = usrloc_settings()
    /// `received_avp`, compiled.
    var receivedVariable: OpaquePointer?
    /// `desc_time_order` of this module; below 0: not set.
    var ordersByTime: Int64 = -1
    /// Tables that the script names, while the config is read for the first time; nil once the server has started.
    var tables: [NamedTable]? = []
    /// Worker slot: its Home.
    var home: CInt = -1
    /// Message slot: its Notes.
    var notes: CInt = -1
    var counters = Counters()

    /// The module's state for functions that are handed nothing else. Set once, in `declare`.
    nonisolated(unsafe) static var shared: UnsafeMutablePointer<State>?
}

/// What one worker has for itself.
struct Home {
    var settings: Settings
    var random: UInt64

    /// The next number at random (xorshift): to spread phones, not to keep secrets.
    mutating func next() -> UInt64 {
        random ^= random &<< 13
        random ^= random &>> 7
        random ^= random &<< 17
        return random &>> 16
    }
}

extension UnsafeMutablePointer<State> {
    /// [worker] The calling worker's.
    func home(_ host: Host) -> UnsafeMutablePointer<Home>? {
        host.pointee.slots.pointee.worker(host, pointee.home)?.assumingMemoryBound(to: Home.self)
    }

    /// [start] Once parameters are set.
    func start(_ host: Host) -> CInt {
        guard let sl = load_sl(host), let usrloc = load_usrloc(host) else { return .false }
        (pointee.sl, pointee.usrloc) = (sl, usrloc)
        if pointee.ordersByTime >= 0 { usrloc.pointee.order_by_time(host, CInt(pointee.ordersByTime)) }
        pointee.location.size = UInt32(MemoryLayout<usrloc_settings>.size)
        usrloc.pointee.settings(host, &pointee.location)
        if host.pointee.config.pointee.dialect(host) == UInt32(APUS_DIALECT_SER) { pointee.settings.qUnit = 10 }
        return check(host) && compileVariable(host) && registerTables(host) ? .true : .false
    }

    /// Settings that do not go together.
    private func check(_ host: Host) -> Bool {
        let settings = pointee.settings
        if settings.flowTimer > 0, settings.outboundMode == 0 {
            host.log(.error, "flow_timer needs outbound_mode 1 or 2")
            return false
        }
        if settings.maxExpires > 0, settings.maxExpires < settings.minExpires {
            host.log(
                .error, "max_expires (\(settings.maxExpires) s) is less than min_expires (\(settings.minExpires) s)")
            return false
        }
        if settings.socketFlag >= 0, settings.socketHeader.isEmpty {
            host.log(.warning, "sock_flag has no effect without sock_hdr_name")
        }
        return true
    }

    private func compileVariable(_ host: Host) -> Bool {
        let text = pointee.settings.receivedVariable
        guard !text.isEmpty else { return true }
        pointee.receivedVariable = host.pointee.vars.pointee.compile(host, text)
        return pointee.receivedVariable != nil
    }
}

extension UnsafePointer<apus_call> {
    /// Every function of a script runs after `declare`, on a worker that has begun.
    var state: UnsafeMutablePointer<State> { State.shared.unsafelyUnwrapped }
    var home: UnsafeMutablePointer<Home> { state.home(host).unsafelyUnwrapped }
    var usrloc: UnsafePointer<usrloc_api> { state.pointee.usrloc.unsafelyUnwrapped }

    /// A value in memory of the run; nil when that is used up.
    func keep<Value>(_ value: Value) -> UnsafeMutablePointer<Value>? {
        guard let memory = host.pointee.script.pointee.allocate(self, MemoryLayout<Value>.stride) else { return nil }
        let place = memory.bindMemory(to: Value.self, capacity: 1)
        place.initialize(to: value)
        return place
    }

    /// The fields of the XAVP that xavp_cfg names; nil when there is none.
    var config: XAVPs? {
        let name = home.pointee.settings.configXAVP
        guard !name.isEmpty else { return nil }
        let values = xavps()
        return values.find(name).flatMap { values.fields(of: $0) }
    }
}

extension XAVPs {
    /// A field that is a number, or a text that is one.
    func number(_ name: apus_str) -> Int64? {
        guard let value = value(name) else { return nil }
        return value.isInt ? value.num : value.str.number
    }
}
