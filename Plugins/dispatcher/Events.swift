import Destinations
import PluginKit

// Invariants: a Report lies in memory of the message that its route runs on, whose slot leads to it; so do its texts.

/// What an event route tells of a destination.
struct Report {
    var set: Int64 = 0
    var uri = apus_str()
    /// Of the answer to the probe; 0: none.
    var code: Int64 = 0
    var reason = apus_str()
    var letters = apus_str()
}

/// Why a destination has changed, for its event route.
struct Reason {
    let cause: Cause
    var code: Int32 = 0
    var text = apus_str()
}

func declareEvents(_ host: Host) {
    let down: StaticString = "A destination cannot be selected any more; on a made-up request to it."
    let up: StaticString = "A destination can be selected again; on a made-up request to it."
    state.pointee.downEvents = (host.event("dst-down", doc: down), host.event("ds-down", doc: down))
    state.pointee.upEvents = (host.event("dst-up", doc: up), host.event("ds-up", doc: up))
    host.variable(
        "dsv", inner: "code|reason|flags|uri|setid|group",
        doc: "In event routes of the module: what has happened to which destination."
    ) { access, out in
        guard
            let report = access.host.pointee.slots.pointee.message(access.pointee.msg, state.pointee.eventSlot)?
                .assumingMemoryBound(to: Report.self)
        else { return .false }
        switch access.pointee.inner_id {
        case 0: out.pointee = apus_value(report.pointee.code)
        case 1: return out.answer(report.pointee.reason)
        case 2: return out.answer(report.pointee.letters)
        case 3: return out.answer(report.pointee.uri)
        default: out.pointee = apus_value(report.pointee.set)
        }
        return .true
    }
}

/// [start] One event, two names.
func tellOfEventNames(_ host: Host) {
    for kind in ["down", "up"] {
        func has(_ name: String) -> Bool {
            var name = "dispatcher:\(name)"
            return name.withUTF8 {
                host.pointee.script.pointee.find_route(
                    host, UInt32(APUS_EVENT_ROUTE), apus_str(start: $0.baseAddress, count: $0.count)) != nil
            }
        }
        guard has("ds-\(kind)") else { continue }
        if has("dst-\(kind)") {
            host.log(
                .warning,
                "event_route[dispatcher:ds-\(kind)] never runs: event_route[dispatcher:dst-\(kind)], "
                    + "another name of the same event, does")
        } else {
            host.log(.notice, "event_route[dispatcher:ds-\(kind)] is known as dispatcher:dst-\(kind) today")
        }
    }
}

extension UnsafePointer<apus_host> {
    /// A state was changed: tells of it, if it is a turn.
    func turned(_ set: Int32, _ uri: apus_str, _ change: CellRef.Change, _ reason: Reason) {
        guard change.isTurn else { return }
        let isUp = change.after.isUsable
        log(
            .notice,
            "destination \(uri.string) of set \(set) is \(isUp ? "up" : "down") (\(change.after.letters)): "
                + "\(reason.cause.text)\(reason.code > 0 ? " \(reason.code) \(reason.text.string)" : "")")
        let mode = state.pointee.settings.eventMode
        guard reason.cause == .probe || reason.cause == .noReply || (reason.cause == .script && mode != 1) else {
            return
        }
        runEvent(set, uri, change.after, reason)
    }

    /// [worker]
    fileprivate func runEvent(_ set: Int32, _ uri: apus_str, _ condition: Condition, _ reason: Reason) {
        let names = condition.isUsable ? state.pointee.upEvents : state.pointee.downEvents
        let events = pointee.events
        guard let route = events.pointee.route(self, names.0) ?? events.pointee.route(self, names.1),
            let message = request(to: uri)
        else { return }
        defer { pointee.message.pointee.release(self, message) }
        var telling = Telling(set: set, uri: uri, condition: condition, reason: reason)
        withUnsafeMutablePointer(to: &telling) { telling in
            var start = apus_start(
                size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_EVENT_ROUTE), flags: 0, reserved: 0,
                route: route, msg: message, avps: nil,
                begun: { host, message, user in
                    guard let telling = user?.assumingMemoryBound(to: Telling.self) else { return }
                    telling.pointee.put(host, message)
                }, ended: nil, user: UnsafeMutableRawPointer(telling))
            if pointee.script.pointee.start_run(self, &start) <= 0 {
                log(.warning, "the event route of \(uri.string) does not run: too much waits")
            }
        }
    }

    /// A made-up request to a destination, by the method of probes.
    private func request(to uri: apus_str) -> OpaquePointer? {
        let settings = state.pointee.settings
        let text = """
            \(settings.pingMethod.string) \(uri.string) SIP/2.0\r
            Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKdispatcher\r
            From: <\(settings.pingFrom.string)>;tag=dispatcher\r
            To: <\(uri.string)>\r
            Call-ID: dispatcher\r
            CSeq: 1 \(settings.pingMethod.string)\r
            Max-Forwards: 70\r
            Content-Length: 0\r
            \r

            """
        var copy = text
        return copy.withUTF8 {
            pointee.message.pointee.parse(self, apus_str(start: $0.baseAddress, count: $0.count))
        }
    }

    // MARK: - At start and reload

    /// [management] [start] The event runs on a worker, when there is one.
    func tellLater(_ set: SetRef, _ destination: UnsafeMutablePointer<Destination>, _ condition: Condition) {
        var later = Later(set: set.pointee.id, condition: condition, uri: destination.pointee.uri)
        var offsets = [UInt32(MemoryLayout<Later>.offset(of: \.uri)!)]
        withUnsafeMutablePointer(to: &later) { later in
            offsets.withUnsafeMutableBufferPointer { offsets in
                var errand = apus_errand(
                    size: UInt32(MemoryLayout<apus_errand>.size), worker: 0, data: UnsafeMutableRawPointer(later),
                    count: MemoryLayout<Later>.size, texts: offsets.baseAddress.map { UnsafePointer<UInt32>($0) },
                    text_count: 1,
                    reserved: 0,
                    run: { host, data in
                        let later = data.assumingMemoryBound(to: Later.self)
                        host.runEvent(
                            later.pointee.set, later.pointee.uri, later.pointee.condition, Reason(cause: .source))
                        return .true
                    })
                _ = pointee.worker.pointee.send(self, &errand)
            }
        }
    }
}

private struct Later {
    var set: Int32
    var condition: Condition
    var uri: apus_str
}

/// What the run of an event route begins with.
private struct Telling {
    let set: Int32
    let uri: apus_str
    let condition: Condition
    let reason: Reason

    func put(_ host: Host, _ message: OpaquePointer) {
        let api = host.pointee.message
        _ = api.pointee.set_destination(message, uri)
        guard let place = api.pointee.allocate(message, MemoryLayout<Report>.size) else { return }
        func copy(_ text: apus_str) -> apus_str {
            guard text.len > 0, let bytes = text.s, let memory = api.pointee.allocate(message, text.len) else {
                return ""
            }
            memory.copyMemory(from: bytes, byteCount: text.len)
            return apus_str(s: memory.assumingMemoryBound(to: CChar.self), len: text.len)
        }
        var letters = condition.letters
        let report = place.bindMemory(to: Report.self, capacity: 1)
        report.initialize(
            to: Report(
                set: Int64(set), uri: copy(uri), code: Int64(reason.code), reason: copy(reason.text),
                letters: letters.withUTF8 { copy(apus_str(start: $0.baseAddress, count: $0.count)) }))
        host.pointee.slots.pointee.set_message(message, state.pointee.eventSlot, report)
    }
}
