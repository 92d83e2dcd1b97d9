import PluginKit

/// The parts of a message that the functions speak of, as received.
extension Message {
    /// All but the first line.
    var headersAndBody: apus_str {
        let headers = part(APUS_PART_HEADERS)
        let body = part(APUS_PART_BODY)
        guard let start = headers.s else { return body }
        guard let bodyStart = body.s else { return headers }
        return apus_str(s: start, len: bodyStart - start + body.len)
    }

    /// All of it, the first line too.
    var whole: apus_str { part(APUS_PART_ALL) }

    var headers: apus_str { part(APUS_PART_HEADERS) }
    var body: apus_str { part(APUS_PART_BODY) }

    /// The headers of that name that a function's last argument chooses: all, the first, the last.
    func each(_ name: apus_str, _ choice: Choice, _ visit: (apus_header) -> Bool) -> Bool {
        var place = 0
        var any = false
        var last: apus_header?
        while let header = find(name, from: place) {
            place = Int(header.index) + 1
            last = header
            if choice == .last { continue }
            if visit(header) { any = true }
            if choice == .first { return any }
        }
        if choice == .last, let last { return visit(last) }
        return any
    }
}

/// Places of the words in the signatures: `word(a|f|l)` and `word(a|f)`.
enum Choice: Int64 {
    case all = 0
    case first = 1
    case last = 2
}

extension UnsafePointer<apus_call> {
    func choice(_ index: Int) -> Choice { Choice(rawValue: int(index)) ?? .all }

    /// Where the argument's expression first matches at `from` or later; nil when it does not or was given up.
    func match(_ index: Int, in subject: apus_str, from: Int = 0) -> Range<Int>? {
        argument(index).regex.flatMap { match($0, in: subject, from: from) }
    }

    func match(_ regex: OpaquePointer, in subject: apus_str, from: Int = 0) -> Range<Int>? {
        var group = apus_match()
        guard host.pointee.regex.pointee.match(regex, subject, from, &group, 1) > 0 else { return nil }
        return group.start..<group.end
    }

    func matches(_ index: Int, _ subject: apus_str) -> Bool { match(index, in: subject) != nil }
}

/// `search(re)`
func search(_ call: Call) -> CInt { call.matches(0, call.message.whole) ? .true : .false }

/// `search_body(re)`
func searchBody(_ call: Call) -> CInt { call.matches(0, call.message.body) ? .true : .false }

/// `search_hf(name, re, which)`
func searchHeader(_ call: Call) -> CInt {
    call.message.each(call.text(0), call.choice(2)) { call.matches(1, $0.value) } ? .true : .false
}

/// `search_str(text, re)`
func searchText(_ call: Call) -> CInt { call.matches(1, call.text(0)) ? .true : .false }

/// `search_append(re, text)`
func searchAppend(_ call: Call) -> CInt { append(call, call.message.headersAndBody) }

/// `search_append_body(re, text)`
func searchAppendBody(_ call: Call) -> CInt { append(call, call.message.body) }

private func append(_ call: Call, _ subject: apus_str) -> CInt {
    guard let match = call.match(0, in: subject) else { return .false }
    return call.message.replace(subject[match.upperBound..<match.upperBound], with: call.text(1)) ? .true : .false
}

/// `regex_substring(text, re, group, groups, result)`: of the first match; `groups` says how many are looked at, the whole match among them.
func regexSubstring(_ call: Call) -> CInt {
    let subject = call.text(0)
    let wanted = call.int(2)
    guard 0...9 ~= wanted, call.int(3) > wanted else {
        return call.fail("a group is 0 to 9, and less than the number of groups")
    }
    guard let regex = call.argument(1).regex else { return .false }
    return withUnsafeTemporaryAllocation(of: apus_match.self, capacity: 10) { groups in
        guard let start = groups.baseAddress else { return .false }
        let filled = call.host.pointee.regex.pointee.match(regex, subject, 0, start, 10)
        guard wanted < Int64(filled), start[Int(wanted)].start != Int(bitPattern: UInt.max) else { return .false }
        return call.set(4, apus_value(subject[start[Int(wanted)].start..<start[Int(wanted)].end]))
    }
}
