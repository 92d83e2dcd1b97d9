import PluginKit
import RoutingKit

/// Functions between texts and the fields of `$xavp` and `$xavu`.
func declareExplosions(_ host: Host) {
    host.function(
        "xavp_params_explode", "params:format, name:format", doc: "Makes fields of a=b;c=d.", call: explodeParameters)
    host.function(
        "xavp_xparams_explode", "params:format, separator:format, name:format",
        doc: "The same with another character between the parameters.", call: explodeSeparated)
    host.function(
        "xavu_params_explode", "params:format, name:format", doc: "Sets fields of an xavu from a=b;c=d.",
        call: explodeUnique)
    host.function(
        "xavp_params_implode", "name:format, result:writable", doc: "Writes the fields as a=b;c=d; into a variable."
    ) { implode($0, APUS_XAVP) }
    host.function(
        "xavp_params_implode_qval", "name:format, result:writable",
        doc: "Writes the fields as a=\"b\";c=\"d\"; into a variable."
    ) { implode($0, APUS_XAVP, quoted: true) }
    host.function(
        "xavu_params_implode", "name:format, result:writable", doc: "Writes the fields as a=b;c=d; into a variable."
    ) { implode($0, APUS_XAVU) }
    host.function(
        "xavp_slist_explode", "list:format, separators:format, mode:format, name:format",
        doc: "Makes fields v of the members of a list; mode t: without blanks around them.", call: explodeList)
}

// MARK: - Parameters

/// Takes parameters off a text: `name`, `name=value`, `name="value"`.
private struct Parameters {
    var rest: apus_str
    let separator: UInt8

    /// The next one; nil at the end.
    mutating func next() -> (name: apus_str, value: apus_str)? {
        while !rest.isEmpty {
            var quoted = false
            var end = 0
            while end < rest.len, quoted || rest[end] != separator {
                if rest[end] == UInt8(ascii: "\"") { quoted.toggle() }
                if quoted, rest[end] == UInt8(ascii: "\\") { end += 1 }
                end += 1
            }
            let one = rest[0..<min(end, rest.len)]
            rest = rest.dropFirst(end + 1)
            guard let equals = one.index(of: UInt8(ascii: "=")) else {
                if one.trimmed.isEmpty { continue }
                return (one.trimmed, "")
            }
            let name = one[0..<equals].trimmed
            if name.isEmpty { continue }
            var value = one.dropFirst(equals + 1).trimmed
            if value.len >= 2, value[0] == UInt8(ascii: "\""), value[value.len - 1] == UInt8(ascii: "\"") {
                value = value[1..<value.len - 1]
            }
            return (name, value)
        }
        return nil
    }
}

private func explodeParameters(_ call: Call) -> CInt {
    explode(call, Parameters(rest: call.text(0), separator: UInt8(ascii: ";")), call.text(1))
}

private func explodeSeparated(_ call: Call) -> CInt {
    let separator = call.text(1)
    guard separator.len == 1 else { return call.fail("the separator is one character") }
    return explode(call, Parameters(rest: call.text(0), separator: separator[0]), call.text(2))
}

/// A new value in front, whose fields stand in the order of the text.
private func explode(_ call: Call, _ given: Parameters, _ name: apus_str) -> CInt {
    var given = given
    let values = call.xavps()
    guard var one = given.next() else { return call.fail("there are no parameters in the text") }
    guard let list = values.add(name), let fields = values.fields(of: list) else { return .false }
    var last: XAVP?
    while true {
        guard let field = fields.add(one.name, apus_value(one.value)) else { return .false }
        fields.move(field, behind: last)
        last = field
        guard let next = given.next() else { return .true }
        one = next
    }
}

/// `xavu_params_explode(params, name)`: fields that are there already stay, or are set.
private func explodeUnique(_ call: Call) -> CInt {
    var given = Parameters(rest: call.text(0), separator: UInt8(ascii: ";"))
    let values = call.xavps(APUS_XAVU)
    let known = values.find(call.text(1))
    guard var one = given.next() else { return call.fail("there are no parameters in the text") }
    guard let list = known ?? values.add(call.text(1)) else { return .false }
    if values.fields(of: list) == nil, !values.set(list) { return .false }
    guard let fields = values.fields(of: list) else { return .false }
    // A new one stands behind the others.
    var last = fields.first
    while let field = last, let next = fields.next(field) { last = next }
    while true {
        let isNew = fields.find(one.name) == nil
        guard let field = fields.add(one.name, apus_value(one.value)) else { return .false }
        if isNew {
            fields.move(field, behind: last)
            last = field
        }
        guard let next = given.next() else { return .true }
        one = next
    }
}

private func implode(_ call: Call, _ kind: Int, quoted: Bool = false) -> CInt {
    let values = call.xavps(kind)
    guard let fields = values.find(call.text(0)).flatMap({ values.fields(of: $0) }) else { return .false }
    var size = 0
    var next = fields.first
    while let field = next {
        let facts = fields.facts(field)
        size += facts.name.len + (quoted ? 2 : 1) * facts.value.str.len + 24
        next = fields.next(field)
    }
    guard var text = call.writer(size) else { return .false }
    next = fields.first
    while let field = next {
        let facts = fields.facts(field)
        text.add(facts.name)
        if facts.value.isText, quoted {
            text.add("=")
            text.add(quoted: facts.value.str)
        } else if facts.value.isText {
            if !facts.value.str.isEmpty { text.add("=") }
            text.add(facts.value.str)
        } else if facts.value.isInt {
            text.add("=")
            text.add(number: facts.value.num)
        }
        text.add(";")
        next = fields.next(field)
    }
    return text.overflowed || text.text.isEmpty ? .false : call.set(1, apus_value(text.text))
}

extension Writer {
    /// RFC 3261 section 25.1, quoted-string.
    fileprivate mutating func add(quoted text: apus_str) {
        add("\"")
        for byte in text.bytes {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { add("\\") }
            add(byte: byte)
        }
        add("\"")
    }
}

// MARK: - Lists

/// `xavp_slist_explode(list, separators, mode, name)`
private func explodeList(_ call: Call) -> CInt {
    let (text, separators) = (call.text(0), call.text(1))
    let trims = call.text(2).index(of: UInt8(ascii: "t")) != nil
    guard !separators.isEmpty else { return call.fail("there is no separator") }
    let values = call.xavps()
    var fields: XAVPs?
    var last: XAVP?
    var start = 0
    while start < text.len {
        var end = start
        while end < text.len, separators.index(of: text[end]) == nil { end += 1 }
        let member = trims ? text[start..<end].trimmed : text[start..<end]
        start = end + 1
        if member.isEmpty { continue }
        if fields == nil { fields = values.add(call.text(3)).flatMap { values.fields(of: $0) } }
        guard let fields, let field = fields.add("v", apus_value(member)) else { return .false }
        fields.move(field, behind: last)
        last = field
    }
    return fields == nil ? .false : .true
}
