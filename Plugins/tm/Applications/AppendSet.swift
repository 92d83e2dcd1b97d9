import PluginKit

// Invariants: made while the config is read, completed in `start`, constant from then on; all of it lives for ever.

/// One set of data that `tw_append` names, for t_write_req and t_write_unix.
struct AppendSet {
    let name: apus_str
    let elements: UnsafeMutableBufferPointer<AppendElement>
    /// The body is wanted, whatever the method is.
    let wantsBody: Bool
    var next: UnsafeMutablePointer<AppendSet>?
}

/// One line of a set.
struct AppendElement {
    enum Kind { case avp, header }

    let kind: Kind
    let title: apus_str
    /// The AVP as it was written, or the header's name.
    let source: apus_str
    /// The compiled AVP, from `start` on.
    var variable: OpaquePointer?
}

/// What is wrong with a `tw_append`, and where.
struct AppendMistake: Error {
    /// Byte of the text, from 0.
    let offset: Int
    let text: String
}

/// Reads one `tw_append`:
///
///     set     = name ":" element *( ";" element )
///     element = [ title "=" ] ( "avp[" AVP "]" / "hdr[" header-name "]" / "msg[body]" )
struct AppendParser {
    private let text: apus_str
    private var at = 0

    static func parse(_ text: apus_str) throws(AppendMistake) -> AppendSet {
        var parser = AppendParser(text: text)
        return try parser.set()
    }

    private init(text: apus_str) { self.text = text }

    private mutating func set() throws(AppendMistake) -> AppendSet {
        let name = try word("the name of the set is missing")
        guard current == 0x3a else { throw mistake("a colon is missing behind the name of the set") }
        at += 1
        var elements: [AppendElement] = []
        var wantsBody = false
        while true {
            if let element = try element() { elements.append(element) } else { wantsBody = true }
            skipBlanks()
            guard let separator = current else { break }
            guard separator == 0x3b else { throw mistake("a semicolon is missing between two elements") }
            at += 1
        }
        let place = UnsafeMutableBufferPointer<AppendElement>.allocate(capacity: elements.count)
        _ = place.initialize(from: elements)
        return AppendSet(name: name, elements: place, wantsBody: wantsBody)
    }

    /// The next element; nil for the body.
    private mutating func element() throws(AppendMistake) -> AppendElement? {
        var kind = try word("an element is missing: avp[...], hdr[...] or msg[body]")
        var title: apus_str?
        if current == 0x3d {
            at += 1
            title = kind
            kind = try word("avp[...], hdr[...] or msg[body] is missing behind the title")
        }
        guard current == 0x5b else { throw mistake("a bracket is missing: avp[...], hdr[...] or msg[body]") }
        let contentStart = at + 1
        guard let end = text.index(of: 0x5d, from: contentStart) else { throw mistake("the bracket is not closed") }
        let content = text[contentStart..<end].trimmed
        guard !content.isEmpty else { throw mistake("there is nothing between the brackets") }
        at = end + 1
        if kind.equalsIgnoringCase("avp") {
            guard let name = AppendParser.name(ofAVP: content) else {
                throw AppendMistake(
                    offset: contentStart, text: "that is no AVP: a name, s:name, i:7 or $avp(name)")
            }
            return AppendElement(kind: .avp, title: title ?? name, source: content)
        }
        if kind.equalsIgnoringCase("hdr") {
            guard content.bytes.allSatisfy({ AppendParser.isToken($0) }) else {
                throw AppendMistake(offset: contentStart, text: "that is no name of a header")
            }
            return AppendElement(kind: .header, title: title ?? content, source: content)
        }
        guard kind.equalsIgnoringCase("msg") else {
            throw AppendMistake(offset: offset(of: kind), text: "an element is avp[...], hdr[...] or msg[body]")
        }
        guard content.equalsIgnoringCase("body") else {
            throw AppendMistake(offset: contentStart, text: "of the message only msg[body] can be had")
        }
        return nil
    }

    /// What stands before the next character of the grammar, without the blanks around it.
    private mutating func word(_ complaint: String) throws(AppendMistake) -> apus_str {
        skipBlanks()
        let start = at
        while let byte = current, !AppendParser.isPunctuation(byte) { at += 1 }
        guard at > start else { throw mistake(complaint) }
        return text[start..<at].trimmed
    }

    private func offset(of word: apus_str) -> Int { word.s.unsafelyUnwrapped - text.s.unsafelyUnwrapped }

    private var current: UInt8? { at < text.len ? text[at] : nil }

    private mutating func skipBlanks() {
        while let byte = current, apus_str.isBlank(byte) { at += 1 }
    }

    private func mistake(_ text: String) -> AppendMistake { AppendMistake(offset: at, text: text) }

    private static func isPunctuation(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x3a, 0x3b, 0x3d, 0x5b, 0x5d: true
        default: false
        }
    }

    /// The name or number of an AVP by any of its spellings; nil when it is none.
    private static func name(ofAVP text: apus_str) -> apus_str? {
        var name = text
        if text.hasPrefix("$avp("), text.hasSuffix(")") { name = text[5..<text.len - 1].trimmed }
        if name.hasPrefix("i:") {
            name = name.dropFirst(2)
            guard name.number != nil else { return nil }
        } else if name.hasPrefix("s:") {
            name = name.dropFirst(2)
        }
        return !name.isEmpty && name.bytes.allSatisfy { isToken($0) } ? name : nil
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
        default: false
        }
    }
}

extension UnsafeMutablePointer<Settings> {
    /// The set of that name, without regard to case.
    func appendSet(_ name: apus_str) -> UnsafeMutablePointer<AppendSet>? {
        var next = pointee.appendSets
        while let set = next, !set.pointee.name.equalsIgnoringCase(name) { next = set.pointee.next }
        return next
    }
}

/// Declares `tw_append`.
func declareAppendSets(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) {
    host.parameter(
        "tw_append", user: settings,
        doc: "Data for t_write_req and t_write_unix: \"name: avp[x]; title = hdr[Subject]; body = msg[body]\"."
    ) { host, value, user in
        let settings = user.unsafelyUnwrapped.assumingMemoryBound(to: Settings.self)
        // The default, an empty text, names no set.
        guard !value.pointee.str.trimmed.isEmpty else { return .true }
        do throws(AppendMistake) {
            var set = try AppendParser.parse(value.pointee.str)
            guard settings.appendSet(set.name) == nil else {
                host.log(.error, "there is a set \"\(set.name.string)\" already")
                return .false
            }
            set.next = settings.pointee.appendSets
            settings.pointee.appendSets = permanent(set)
            return .true
        } catch {
            host.log(.error, "column \(error.offset + 1): \(error.text)")
            return .false
        }
    }
}

/// [start] Compiles the AVPs of all sets. False, with the reason in the log, when one cannot be.
func settleAppendSets(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) -> Bool {
    var next = settings.pointee.appendSets
    while let set = next {
        for index in set.pointee.elements.indices where set.pointee.elements[index].kind == .avp {
            var variable: OpaquePointer?
            guard compile(host, set.pointee.elements[index].source, into: &variable) else { return false }
            set.pointee.elements[index].variable = variable
        }
        next = set.pointee.next
    }
    return true
}
