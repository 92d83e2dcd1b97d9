import PluginKit
import RoutingKit

// Invariants: a path is made when the config is read, in memory of the script, and not changed afterwards, so workers share it; its texts point
// into the constant, which lives as long as the script.

/// What a script means by `name[index].parameter`.
struct HeaderPath {
    var name: apus_str
    /// From 1, or from the end with -1; 0 when none was written.
    var index: Int
    /// `[*]`
    var isAll: Bool
    /// No text when none was written.
    var parameter: apus_str

    /// What a function allows behind the name.
    struct Parts: OptionSet {
        let rawValue: Int

        static var index: Parts { Parts(rawValue: 1) }
        static var all: Parts { Parts(rawValue: 2) }
        static var parameter: Parts { Parts(rawValue: 4) }
        /// All values only together with a parameter.
        static var allWithParameter: Parts { Parts(rawValue: 8) }
    }
}

/// The first argument of `append_hf_value` and `insert_hf_value`: one value of a header.
let prepareIndexed: Preparation = { host, index, constant, prepared, complaint in
    index == 0 ? prepare(host, constant, .index, prepared, complaint) : .true
}

/// Of `remove_hf_value`: values or a parameter of them.
let prepareAny: Preparation = { host, index, constant, prepared, complaint in
    index == 0 ? prepare(host, constant, [.index, .all, .parameter], prepared, complaint) : .true
}

/// Of `assign_hf_value`: a value, or a parameter of values.
let prepareAssigned: Preparation = { host, index, constant, prepared, complaint in
    index == 0 ? prepare(host, constant, [.index, .allWithParameter, .parameter], prepared, complaint) : .true
}

/// Of `include_hf_value` and its kin: a header alone.
let prepareName: Preparation = { host, index, constant, prepared, complaint in
    index == 0 ? prepare(host, constant, [], prepared, complaint) : .true
}

private func prepare(
    _ host: Host, _ text: apus_str, _ allowed: HeaderPath.Parts,
    _ prepared: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ complaint: UnsafeMutablePointer<apus_complaint>
) -> CInt {
    var rest = text
    var path = HeaderPath(name: rest.takeName(), index: 0, isAll: false, parameter: apus_str())
    guard !path.name.isEmpty else { return complaint.say("the name of a header is expected") }
    if rest.len > 0, rest[0] == UInt8(ascii: "[") {
        let place = text.len - rest.len
        guard !allowed.isDisjoint(with: [.index, .all, .allWithParameter]) else {
            return complaint.say("the function is about all values of the header: there is no index", at: place)
        }
        guard rest.takeIndex(&path) else {
            return complaint.say("values are counted from 1, or from the end with -1: [1]", at: place)
        }
        if path.isAll, allowed.isDisjoint(with: [.all, .allWithParameter]) {
            return complaint.say("the function is about one value: there is no [*]", at: place)
        }
    }
    let place = text.len - rest.len
    if rest.len > 0, rest[0] == UInt8(ascii: ".") {
        guard allowed.contains(.parameter) else {
            return complaint.say("the function is about whole values: there is no parameter", at: place)
        }
        rest = rest.dropFirst(1)
        path.parameter = rest.takeName()
        guard !path.parameter.isEmpty else { return complaint.say("the name of a parameter is expected", at: place) }
    }
    guard rest.isEmpty else { return complaint.say("expected name[index].parameter", at: text.len - rest.len) }
    if path.isAll, path.parameter.isNull, !allowed.contains(.all) {
        return complaint.say("[*] is for a parameter of all values: name[*].parameter")
    }
    guard let place = host.prepared(HeaderPath.self) else { return .false }
    place.initialize(to: path)
    prepared.pointee = UnsafeMutableRawPointer(place)
    return .true
}

extension apus_str {
    /// Takes what stands before a bracket or dot off the front.
    fileprivate mutating func takeName() -> apus_str {
        var end = 0
        while end < len, self[end] != UInt8(ascii: "["), self[end] != UInt8(ascii: "."), !apus_str.isBlank(self[end]) {
            end += 1
        }
        defer { self = dropFirst(end) }
        return self[0..<end]
    }

    /// Takes `[index]` off the front; false when it is none.
    fileprivate mutating func takeIndex(_ path: inout HeaderPath) -> Bool {
        guard let end = index(of: UInt8(ascii: "]")) else { return false }
        let text = self[1..<end]
        path.isAll = text.equals("*")
        if !path.isAll {
            guard let number = text.number, number != 0, abs(number) < 1 << 20 else { return false }
            path.index = Int(number)
        }
        self = dropFirst(end + 1)
        return true
    }
}
