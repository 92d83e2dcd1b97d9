import PluginKit

// Invariants: the State is written before workers start and only read by them. A Routing and its texts lie in the memory of the
// message that they speak of, are reached by its slot, and are touched by its home worker only.

/// What the module keeps for the life of the server.
struct State {
    var fullLR: Int64 = 0
    var appendFromTag: Int64 = 1
    var doubleRR: Int64 = 1
    var addUsername: Int64 = 0
    var customUser = apus_str()
    /// `custom_user_avp`, compiled.
    var customUserVariable: OpaquePointer?
    var mismatchWarning: Int64 = 1
    var forceSendSocket: Int64 = 0
    var ignoreSips: Int64 = 0
    var looseRouteMode: Int64 = 0
    /// Our Record-Route names its listener, and a Route that does so is ours.
    var socketNames: Int64 = 0
    /// Message slot: its Routing.
    var slot: CInt = -1
}

/// What Route has said about a request, and what Record-Route shall say.
struct Routing {
    let state: UnsafeMutablePointer<State>

    /// What loose_route answered; 0: it was not called yet.
    var result: CInt = 0
    /// The next hop came from a Route.
    var followed = false
    /// Parameters of our own Route that was removed, from their first `;`; no text when none was.
    var params = apus_str()

    enum Recording {
        case none
        /// The listener's address, known when the request leaves; or the one given as `first`.
        case address
        /// The texts `first` (outbound) and `second` (inbound, may be missing).
        case preset
    }
    var recording = Recording.none
    /// The edit that writes the lines is in the message already; it writes nothing while `recording` is `none`.
    var hasPlace = false
    /// Recorded in a branch route.
    var inBranch = false
    var user = apus_str()
    var first = apus_str()
    var second = apus_str()
    /// What add_rr_param collected.
    var extra: UnsafeMutablePointer<Extra>?
    var lastExtra: UnsafeMutablePointer<Extra>?

    struct Extra {
        let text: apus_str
        var next: UnsafeMutablePointer<Extra>?
    }
}

extension UnsafePointer<apus_call> {
    var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }

    /// The Routing of the call's message, made when there is none; nil when memory is out.
    var routing: UnsafeMutablePointer<Routing>? {
        let slots = host.pointee.slots
        if let known = slots.pointee.message(pointee.msg, state.pointee.slot) {
            return known.assumingMemoryBound(to: Routing.self)
        }
        guard let place = message.allocate(Routing.self) else { return nil }
        place.initialize(to: Routing(state: state))
        slots.pointee.set_message(pointee.msg, state.pointee.slot, place)
        return place
    }
}

extension Message {
    /// Memory for one value, as long as the message lives.
    func allocate<Value>(_: Value.Type) -> UnsafeMutablePointer<Value>? {
        api.pointee.allocate(handle, MemoryLayout<Value>.size)?.bindMemory(to: Value.self, capacity: 1)
    }

    /// A copy of the text that lives as long as the message; nil when memory is out.
    func keep(_ text: apus_str) -> apus_str? {
        guard text.len > 0 else { return "" }
        guard let memory = api.pointee.allocate(handle, text.len) else { return nil }
        var writer = Writer(memory, capacity: text.len)
        writer.add(text)
        return writer.text
    }
}

extension UnsafeMutablePointer<Routing> {
    /// The same in the memory of another message; nil when that is out.
    func copied(to message: Message) -> UnsafeMutablePointer<Routing>? {
        guard let copy = message.allocate(Routing.self), let params = message.keepAny(pointee.params),
            let user = message.keepAny(pointee.user), let first = message.keepAny(pointee.first),
            let second = message.keepAny(pointee.second)
        else { return nil }
        copy.initialize(to: pointee)
        copy.pointee.params = params
        copy.pointee.user = user
        copy.pointee.first = first
        copy.pointee.second = second
        copy.pointee.extra = nil
        copy.pointee.lastExtra = nil
        var next = pointee.extra
        while let extra = next {
            guard let text = message.keep(extra.pointee.text), copy.append(text, in: message) else { return nil }
            next = extra.pointee.next
        }
        return copy
    }

    /// Adds a parameter for our Record-Route, whose text lies in the message's memory.
    func append(_ text: apus_str, in message: Message) -> Bool {
        guard let extra = message.allocate(Routing.Extra.self) else { return false }
        extra.initialize(to: Routing.Extra(text: text))
        if let last = pointee.lastExtra {
            last.pointee.next = extra
        } else {
            pointee.extra = extra
        }
        pointee.lastExtra = extra
        return true
    }
}

extension Message {
    /// As `keep`; what is missing stays missing.
    fileprivate func keepAny(_ text: apus_str) -> apus_str? { text.isNull ? apus_str() : keep(text) }
}
