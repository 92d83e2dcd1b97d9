import PluginKit

// Invariants: a Report lives for one call, `writeReport` or a function of a script; what its texts point to outlives it.

/// What one line says, apart from the request that it is about: that is the call's message.
struct Report {
    let state: UnsafeMutablePointer<State>
    let title: apus_str
    /// The reply; nil when it was made here, or there is none.
    var reply: OpaquePointer?
    /// 0: none.
    var code: Int32
    var isUpstream: Bool
    var reason = apus_str()
    /// To tag of replies that were made here.
    var localTag = apus_str()
    /// Empty: the request's.
    var outboundURI = apus_str()

    init(state: UnsafeMutablePointer<State>, title: apus_str, reply: OpaquePointer?, code: Int32, isUpstream: Bool) {
        self.state = state
        self.title = title
        self.reply = reply
        self.code = code
        self.isUpstream = isUpstream
    }
}

/// For `script->with_call`; `user` is the Report.
let writeReport: @convention(c) (Call) -> CInt = { call in
    call.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: Report.self).pointee.write(call)
    return .true
}

extension Report {
    /// Longer lines are cut by the log.
    private static var longest: Int { 8192 }

    /// Writes the line about the call's message.
    func write(_ call: Call) {
        guard let items = gather(call) else { return call.log(.error, "a line is lost: no memory") }
        let separator: apus_str = state.pointee.isSER ? ", " : ";"
        let size = title.len + 7 + items.size(separator: separator)
        guard var line = call.writer(min(size, Report.longest)) else {
            return call.log(.error, "a line is lost: no memory")
        }
        line.add("ACC: ")
        line.add(title)
        line.add(": ")
        items.write(to: &line, separator: separator)
        let log = call.host.pointee.log
        log.pointee.script_line(call, CInt(state.pointee.level), state.pointee.facility, line.text)
    }

    private func gather(_ call: Call) -> Items? {
        let (extras, legs) = (state.pointee.extras, state.pointee.legs)
        let most = 8 + (state.pointee.isSER ? state.pointee.letters.len : 0)
        guard var items = Items(call, capacity: most + extras.count + legs.count * Extras.mostLegs) else { return nil }
        if state.pointee.isSER {
            addLetters(call, &items)
        } else {
            addTime(call, &items)
            addFields(call, &items)
        }
        for index in 0..<extras.count {
            let entry = extras[index]
            items.add(entry.name, items.text(entry.variables[0]) ?? missing)
        }
        addLegs(legs, &items)
        return items
    }

    /// All legs one after the other, each with all its AVPs, until none of them has a further value.
    private func addLegs(_ legs: Extras, _ items: inout Items) {
        for place in 0..<Extras.mostLegs {
            var isThere = false
            for index in 0..<legs.count where items.text(legs[index].variables[place]) != nil { isThere = true }
            guard isThere else { return }
            for index in 0..<legs.count {
                items.add(legs[index].name, items.text(legs[index].variables[place]) ?? missing)
            }
        }
    }

    /// What stands where there is no value.
    var missing: apus_str { state.pointee.isSER ? "n/a" : "" }

    private func addFields(_ call: Call, _ items: inout Items) {
        let message = call.message
        items.add("method", message.field(APUS_FIELD_METHOD_TEXT))
        items.add("from_tag", isUpstream ? toTag(message) : message.field(APUS_FIELD_FROM_TAG))
        items.add("to_tag", isUpstream ? message.field(APUS_FIELD_FROM_TAG) : toTag(message))
        items.add("call_id", message.field(APUS_FIELD_CALL_ID))
        items.add("code", items.codeText(code))
        items.add("reason", reason)
    }

    /// The tag of whoever answered: of the reply, of the request within a dialog, or that of this server.
    func toTag(_ request: Message) -> apus_str {
        if let reply, case let tag = Message(handle: reply, api: request.api).field(APUS_FIELD_TO_TAG), !tag.isEmpty {
            return tag
        }
        let tag = request.field(APUS_FIELD_TO_TAG)
        return tag.isEmpty ? localTag : tag
    }
}
