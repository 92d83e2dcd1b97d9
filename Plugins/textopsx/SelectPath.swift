import PluginKit
import RoutingKit

// Invariants: a path is made when the config is read, in memory of the script, and not changed afterwards, so workers share it; its texts live
// as long as the script.

/// What a script means by `@hf_value.name[index].part`.
struct SelectPath {
    /// The header, with `-` for `_` where it was not quoted.
    var name = apus_str()
    /// From 1, or from the end with -1; 0: all values where they can be put together, else the first.
    var index = 0
    var part = Part.whole
    var uriPart = URIPart.whole
    /// Of a parameter, or the value that is looked for.
    var key = apus_str()
    /// The key was not quoted: `_` in it stands for `-` as well.
    var isLoose = true

    enum Part {
        case whole, uri, name, quotedName, parameters, parameter
    }

    enum URIPart {
        case whole, user, host, port, password, hostPort, transport, type, numberUser, parameters, parameter
    }
}

/// `@hf_value.name[index].part`
let prepareValueSelect: SelectPreparation = { host, path, prepared, complaint in
    var reader = PathReader(host: host, path: path)
    guard var select = reader.header(complaint) else { return .false }
    if let word = reader.word() { reader.readPart(word, &select) }
    return reader.finish(select, prepared, complaint)
}

/// `@hf_value2.name[index].parameter`
let prepareHeaderSelect: SelectPreparation = { host, path, prepared, complaint in
    var reader = PathReader(host: host, path: path)
    guard var select = reader.header(complaint) else { return .false }
    if let word = reader.word() { select.setKey(reader.isParameterMark(word) ? reader.word() ?? word : word) }
    return reader.finish(select, prepared, complaint)
}

/// `@hf_value_exists.name.value`
let prepareExistsSelect: SelectPreparation = { host, path, prepared, complaint in
    var reader = PathReader(host: host, path: path)
    guard var select = reader.header(complaint) else { return .false }
    guard select.index == 0 else {
        return complaint.say("a value is looked for in all of the header: there is no index")
    }
    guard let word = reader.word() else { return complaint.say("the value to look for is expected", at: path.len) }
    select.setKey(word)
    return reader.finish(select, prepared, complaint)
}

/// See `apus_select.prepare`.
typealias SelectPreparation =
    @convention(c) (
        Host, apus_str, UnsafeMutablePointer<UnsafeMutableRawPointer?>, UnsafeMutablePointer<apus_complaint>
    ) -> CInt

extension SelectPath {
    fileprivate mutating func setKey(_ word: PathReader.Word) {
        part = .parameter
        key = word.text
        isLoose = !word.isQuoted
    }
}

/// Reads a path from left to right.
private struct PathReader {
    struct Word {
        var text: apus_str
        var isQuoted = false
    }

    let host: Host
    let path: apus_str
    private var at = 0
    /// What came last was no word, index or part.
    private var isBroken = false

    init(host: Host, path: apus_str) {
        self.host = host
        self.path = path
    }

    /// The next `.word` or `["word"]`; nil when none is there.
    mutating func word() -> Word? {
        guard at < path.len else { return nil }
        if path[at] == UInt8(ascii: "[") {
            guard let end = path.index(of: UInt8(ascii: "]"), from: at) else { return nil }
            let text = path[at + 1..<end]
            guard text.len > 2, text[0] == UInt8(ascii: "\""), text[text.len - 1] == UInt8(ascii: "\"") else {
                return nil
            }
            at = end + 1
            return Word(text: text[1..<text.len - 1], isQuoted: true)
        }
        guard path[at] == UInt8(ascii: ".") else { return nil }
        var end = at + 1
        while end < path.len, path[end] != UInt8(ascii: "."), path[end] != UInt8(ascii: "[") { end += 1 }
        guard end > at + 1 else { return nil }
        defer { at = end }
        return Word(text: path[at + 1..<end])
    }

    /// The name of a header and its index, if there is one.
    mutating func header(_ complaint: UnsafeMutablePointer<apus_complaint>) -> SelectPath? {
        guard let word = word() else {
            _ = complaint.say("the name of a header is expected", at: at)
            return nil
        }
        var select = SelectPath()
        guard let name = word.isQuoted ? word.text : dashed(word.text) else { return nil }
        select.name = name
        guard at < path.len, path[at] == UInt8(ascii: "[") else { return select }
        guard let end = path.index(of: UInt8(ascii: "]"), from: at) else { return select }
        let text = path[at + 1..<end]
        if text.equals("*") {
            at = end + 1
        } else if let number = text.number {
            guard number != 0, abs(number) < 1 << 20 else {
                _ = complaint.say("values are counted from 1, or from the end with -1: [1]", at: at)
                return nil
            }
            select.index = Int(number)
            at = end + 1
        }
        return select
    }

    func isParameterMark(_ word: Word) -> Bool {
        !word.isQuoted && (word.text.equals("p") || word.text.equals("param") || word.text.equals("params"))
    }

    mutating func readPart(_ first: Word, _ select: inout SelectPath) {
        if first.isQuoted { return select.setKey(first) }
        if first.text.equals("uri") {
            select.part = .uri
            readURIPart(&select)
        } else if first.text.equals("name") {
            select.part = .name
        } else if isParameterMark(first) {
            select.part = .parameters
            if let key = word() { select.setKey(key) }
        } else if first.text.equals("nameaddr") {
            readAddressPart(&select)
        } else {
            select.setKey(first)
        }
    }

    /// Behind `nameaddr`: the parts of an address by their names in other selects.
    private mutating func readAddressPart(_ select: inout SelectPath) {
        guard let word = word() else { return }
        if word.text.equals("name") {
            select.part = .quotedName
        } else if word.text.equals("uri") {
            select.part = .uri
            readURIPart(&select)
        } else if word.text.equals("params") {
            select.part = .parameters
            if let key = self.word() { select.setKey(key) }
        } else {
            isBroken = true
        }
    }

    private mutating func readURIPart(_ select: inout SelectPath) {
        let parts: [(apus_str, SelectPath.URIPart)] = [
            ("user", .user), ("host", .host), ("port", .port), ("pwd", .password), ("hostport", .hostPort),
            ("transport", .transport), ("type", .type), ("rn_user", .numberUser), ("params", .parameters),
        ]
        guard let word = word() else { return }
        guard let part = parts.first(where: { word.text.equals($0.0) })?.1 else {
            isBroken = true
            return
        }
        select.uriPart = part
        if part == .parameters, let key = self.word() {
            select.uriPart = .parameter
            select.key = key.text
        }
    }

    /// Keeps what was read, when it was all.
    func finish(
        _ select: SelectPath, _ prepared: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        _ complaint: UnsafeMutablePointer<apus_complaint>
    ) -> CInt {
        guard at == path.len, !isBroken else {
            return complaint.say("nothing like this stands behind it", at: min(at, max(path.len - 1, 0)))
        }
        guard let place = host.prepared(SelectPath.self) else { return .false }
        place.initialize(to: select)
        prepared.pointee = UnsafeMutableRawPointer(place)
        return .true
    }

    /// A copy with `-` for `_`.
    private func dashed(_ text: apus_str) -> apus_str? {
        guard let copy = host.prepared(UInt8.self, count: text.len) else { return nil }
        for (index, byte) in text.bytes.enumerated() {
            copy[index] = byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : byte
        }
        return apus_str(start: copy, count: text.len)
    }
}
