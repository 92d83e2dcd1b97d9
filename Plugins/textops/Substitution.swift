import PluginKit
import RoutingKit

// Invariants: a Substitution and its pieces are made while the config is read, in memory of the script, and not changed afterwards, so workers
// share them; literal pieces point into the constant, which lives as long as the script.

/// `/expression/replacement/flags`, taken apart once.
struct Substitution {
    enum Piece {
        case literal(apus_str)
        case group(Int)
        /// A text with pseudo-variables, compiled.
        case format(OpaquePointer)
    }

    let regex: OpaquePointer
    let everywhere: Bool
    let pieces: UnsafeMutableBufferPointer<Piece>
}

/// Most groups that a replacement can name: \0 to \9.
private let groupCount = 10

// MARK: Preparing

let prepareFirst: Preparation = { host, index, constant, prepared, complaint in
    index == 0 ? prepare(host, constant, prepared, complaint) : .true
}

let prepareSecond: Preparation = { host, index, constant, prepared, complaint in
    index == 1 ? prepare(host, constant, prepared, complaint) : .true
}

private func prepare(
    _ host: Host, _ constant: apus_str, _ prepared: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
    _ complaint: UnsafeMutablePointer<apus_complaint>
) -> CInt {
    guard constant.len >= 3 else { return complaint.say("a substitution is /expression/replacement/flags") }
    let delimiter = constant[0]
    guard let middle = unescaped(delimiter, in: constant, from: 1),
        let last = unescaped(delimiter, in: constant, from: middle + 1)
    else {
        return complaint.say("the delimiter must stand three times: /expression/replacement/flags", at: constant.len)
    }
    var regexFlags = UInt32(APUS_REGEX_CASE)
    var everywhere = false
    for index in last + 1..<constant.len {
        switch constant[index] {
        case UInt8(ascii: "i"): regexFlags &= ~UInt32(APUS_REGEX_CASE)
        case UInt8(ascii: "g"): everywhere = true
        case UInt8(ascii: "s"): regexFlags |= UInt32(APUS_REGEX_DOTALL)
        default: return complaint.say("the flags are i, g and s", at: index)
        }
    }
    guard let regex = host.pointee.regex.pointee.compile(host, constant[1..<middle], regexFlags, complaint) else {
        complaint.pointee.offset += 1
        return .false
    }
    guard let pieces = pieces(constant[middle + 1..<last], host) else {
        // The host says what is wrong.
        complaint.pointee.offset = UInt32(middle + 1)
        return .false
    }
    guard let place = host.prepared(Substitution.self) else { return .false }
    place.initialize(to: Substitution(regex: regex, everywhere: everywhere, pieces: pieces))
    prepared.pointee = UnsafeMutableRawPointer(place)
    return .true
}

private func unescaped(_ byte: UInt8, in text: apus_str, from: Int) -> Int? {
    var index = from
    while index < text.len {
        if text[index] == byte { return index }
        index += text[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return nil
}

/// Literals, groups, and runs with variables; nil when one of these cannot be compiled.
private func pieces(_ text: apus_str, _ host: Host) -> UnsafeMutableBufferPointer<Substitution.Piece>? {
    var pieces: [Substitution.Piece] = []
    var start = 0
    var index = 0
    func closeRun() -> Bool {
        let run = text[start..<index]
        if run.isEmpty { return true }
        if run.index(of: UInt8(ascii: "$")) == nil {
            pieces.append(.literal(run))
            return true
        }
        guard let format = host.pointee.vars.pointee.compile_format(host, run) else { return false }
        pieces.append(.format(format))
        return true
    }
    while index < text.len {
        guard text[index] == UInt8(ascii: "\\"), index + 1 < text.len else {
            index += 1
            continue
        }
        guard closeRun() else { return nil }
        switch text[index + 1] {
        case let digit where digit &- 0x30 <= 9: pieces.append(.group(Int(digit - 0x30)))
        case UInt8(ascii: "t"): pieces.append(.literal("\t"))
        case UInt8(ascii: "r"): pieces.append(.literal("\r"))
        case UInt8(ascii: "n"): pieces.append(.literal("\n"))
        default: pieces.append(.literal(text[index + 1..<index + 2]))
        }
        index += 2
        start = index
    }
    guard closeRun() else { return nil }
    guard let start = host.prepared(Substitution.Piece.self, count: pieces.count) else { return nil }
    let memory = UnsafeMutableBufferPointer(start: start, count: pieces.count)
    _ = memory.initialize(from: pieces)
    return memory
}

// MARK: Using

/// Where a substitution is carried out.
enum SubstitutionScene {
    case call(Call)
    case transformation(Access)

    var host: Host {
        switch self {
        case .call(let call): call.host
        case .transformation(let access): access.host
        }
    }

    func writer(_ capacity: Int) -> Writer? {
        switch self {
        case .call(let call): call.writer(capacity)
        case .transformation(let access): access.writer(capacity)
        }
    }

    func expand(_ format: OpaquePointer) -> apus_str? {
        switch self {
        case .call(let call): return call.expand(format)
        case .transformation(let access):
            var text = apus_str()
            return access.host.pointee.vars.pointee.access_expand(access, format, &text) > 0 ? text : nil
        }
    }
}

extension apus_arg {
    /// What the constant was prepared as.
    var substitution: UnsafePointer<Substitution>? {
        prepared.map { UnsafePointer<Substitution>($0.assumingMemoryBound(to: Substitution.self)) }
    }
}

extension UnsafePointer<apus_call> {
    /// What the constant argument was prepared as.
    func substitution(_ index: Int) -> UnsafePointer<Substitution>? {
        argument(index).substitution
    }
}

extension Substitution {
    /// Visits each match, or the first alone, with the text that takes its place; false when memory is out.
    func forEach(_ scene: SubstitutionScene, _ subject: apus_str, _ visit: (Range<Int>, apus_str) -> Void) -> Bool {
        withUnsafeTemporaryAllocation(of: apus_match.self, capacity: groupCount) { groups in
            guard let group = groups.baseAddress else { return false }
            var from = 0
            while from <= subject.len {
                let filled = scene.host.pointee.regex.pointee.match(regex, subject, from, group, UInt32(groupCount))
                guard filled > 0 else { break }
                let match = group[0].start..<group[0].end
                guard let text = replacement(scene, subject, group, Int(filled)) else { return false }
                visit(match, text)
                if !everywhere { break }
                from = match.isEmpty ? match.upperBound + 1 : match.upperBound
            }
            return true
        }
    }

    private func replacement(
        _ scene: SubstitutionScene, _ subject: apus_str, _ groups: UnsafePointer<apus_match>, _ filled: Int
    ) -> apus_str? {
        var capacity = 0
        for piece in pieces { capacity += text(scene, piece, subject, groups, filled).len }
        guard var writer = scene.writer(max(capacity, 1)) else { return nil }
        for piece in pieces { writer.add(text(scene, piece, subject, groups, filled)) }
        return writer.text
    }

    private func text(
        _ scene: SubstitutionScene, _ piece: Piece, _ subject: apus_str, _ groups: UnsafePointer<apus_match>,
        _ filled: Int
    ) -> apus_str {
        switch piece {
        case .literal(let text): return text
        case .format(let format): return scene.expand(format) ?? ""
        case .group(let number):
            guard number < filled, groups[number].start >= 0, groups[number].end >= groups[number].start else {
                return ""
            }
            return subject[groups[number].start..<groups[number].end]
        }
    }

    /// The subject with its matches replaced, in the run's memory; nil when there is none.
    func applied(_ scene: SubstitutionScene, to subject: apus_str) -> apus_str? {
        var capacity = subject.len
        var any = false
        let counted = forEach(scene, subject) { match, text in
            capacity += text.len - match.count
            any = true
        }
        guard counted, any, var writer = scene.writer(max(capacity, 1)) else { return nil }
        var copied = 0
        _ = forEach(scene, subject) { match, text in
            writer.add(subject[copied..<match.lowerBound])
            writer.add(text)
            copied = match.upperBound
        }
        writer.add(subject[copied..<subject.len])
        return writer.overflowed ? nil : writer.text
    }

    /// Edits a piece of the call's message; whether anything was replaced.
    func edit(_ call: Call, _ piece: apus_str) -> Bool {
        let message = call.message
        var any = false
        _ = forEach(.call(call), piece) { match, text in
            if message.replace(piece[match], with: text) { any = true }
        }
        return any
    }
}

/// `subst("/re/replacement/flags")`: everything but the first line.
func substitute(_ call: Call) -> CInt { edit(call, call.message.headersAndBody) }

/// `subst_body("/re/replacement/flags")`
func substituteBody(_ call: Call) -> CInt { edit(call, call.message.body) }

private func edit(_ call: Call, _ piece: apus_str) -> CInt {
    guard let substitution = call.substitution(0), !piece.isNull else { return .false }
    return substitution.pointee.edit(call, piece) ? .true : .false
}

/// `subst_hf(name, "/re/replacement/flags", which)`: in values.
func substituteHeader(_ call: Call) -> CInt {
    guard let substitution = call.substitution(1) else { return .false }
    return call.message.each(call.text(0), call.choice(2)) {
        !$0.value.isNull && substitution.pointee.edit(call, $0.value)
    } ? .true : .false
}

/// `subst_uri("/re/replacement/flags")`: the Request-URI in force.
func substituteURI(_ call: Call) -> CInt {
    let message = call.message
    guard message.isRequest, let substitution = call.substitution(0),
        let uri = substitution.pointee.applied(.call(call), to: message.field(APUS_FIELD_REQUEST_URI))
    else { return .false }
    return message.api.pointee.set_request_uri(call.pointee.msg, uri) > 0 ? .true : .false
}

/// `subst_user("/re/replacement/flags")`: the user part of the Request-URI in force; none counts as an empty one.
func substituteUser(_ call: Call) -> CInt {
    let message = call.message
    let whole = message.field(APUS_FIELD_REQUEST_URI)
    guard message.isRequest, let substitution = call.substitution(0), let uri = message.parse(uri: whole),
        let start = whole.s, let place = uri.user.s ?? uri.host.s
    else { return .false }
    let user = uri.user.isNull ? "" : uri.user
    guard let new = substitution.pointee.applied(.call(call), to: user),
        var writer = call.writer(whole.len + new.len + 1)
    else { return .false }
    let before = place - start
    writer.add(whole[0..<before])
    writer.add(new)
    if uri.user.isNull, !new.isEmpty { writer.add("@") }
    writer.add(whole.dropFirst(before + user.len + (new.isEmpty && !uri.user.isNull && uri.password.isNull ? 1 : 0)))
    return message.api.pointee.set_request_uri(call.pointee.msg, writer.text) > 0 ? .true : .false
}

/// `subst_v(text, "/re/replacement/flags", result)`
func substituteValue(_ call: Call) -> CInt {
    guard let substitution = call.substitution(1),
        let text = substitution.pointee.applied(.call(call), to: call.text(0))
    else { return .false }
    return call.set(2, apus_value(text))
}

/// `{re.subst,/re/replacement/flags}`: a value in which nothing matches stays as it is.
let substituteInValue: TransformationStep = { access, arguments, value in
    guard let substitution = arguments?[0].substitution else { return .false }
    let given = value.pointee
    guard let subject = given.isText ? given.str : access.text(given.num) else { return .false }
    guard let text = substitution.pointee.applied(.transformation(access), to: subject) else { return .true }
    value.pointee = apus_value(text)
    return .true
}

extension UnsafePointer<apus_access> {
    fileprivate func text(_ number: Int64) -> apus_str? {
        guard var digits = writer(20) else { return nil }
        digits.add(number: number)
        return digits.text
    }
}
