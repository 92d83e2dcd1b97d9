import Glibc
import PluginKit

// Invariants: a Report lives for one call, `writeReport` or a function of a script; what its texts point to outlives it.

/// Where something is reported.
struct Targets: OptionSet {
    let rawValue: UInt8
    static let log = Targets(rawValue: 1)
    static let database = Targets(rawValue: 2)
}

/// What one report says, apart from the request that it is about: that is the call's message.
struct Report {
    let state: UnsafeMutablePointer<State>
    let kind: Kind
    var targets: Targets
    let time: timespec
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

    enum Kind {
        case answered, acknowledged, missed
        /// By a function of a script, in the table that it names, if it names one.
        case requested(table: apus_str)

        /// What the line begins with.
        var title: apus_str {
            switch self {
            case .answered: "transaction answered"
            case .acknowledged: "request acknowledged"
            case .missed: "call missed"
            case .requested: "request accounted"
            }
        }
    }

    init(
        state: UnsafeMutablePointer<State>, kind: Kind, targets: Targets, reply: OpaquePointer?, code: Int32,
        isUpstream: Bool
    ) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        time = now
        self.state = state
        self.kind = kind
        self.targets = targets
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

    /// Reports about the call's message.
    func write(_ call: Call) {
        if targets.contains(.log) { writeLine(call) }
        if targets.contains(.database) { writeRows(call) }
    }

    private func writeLine(_ call: Call) {
        let title = kind.title
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
            items.add(entry.name, call.text(of: entry.variables[0]) ?? missing)
        }
        addLegs(call, legs, &items)
        return items
    }

    /// All legs one after the other, each with all its AVPs, until none of them has a further value.
    private func addLegs(_ call: Call, _ legs: Extras, _ items: inout Items) {
        for place in 0..<Extras.mostLegs where legs.hasLeg(place, call) {
            for index in 0..<legs.count {
                items.add(legs[index].name, call.text(of: legs[index].variables[place]) ?? missing)
            }
        }
    }

    /// What stands where there is no value.
    var missing: apus_str { state.pointee.isSER ? "n/a" : "" }

    private func addFields(_ call: Call, _ items: inout Items) {
        let message = call.message
        let tags = tags(message)
        items.add("method", message.field(APUS_FIELD_METHOD_TEXT))
        items.add("from_tag", tags.from)
        items.add("to_tag", tags.to)
        items.add("call_id", message.field(APUS_FIELD_CALL_ID))
        items.add("code", call.codeText(code))
        items.add("reason", reason)
    }

    /// Those of From and To, as they are reported.
    func tags(_ message: Message) -> (from: apus_str, to: apus_str) {
        let (from, to) = (message.field(APUS_FIELD_FROM_TAG), toTag(message))
        return isUpstream ? (to, from) : (from, to)
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
