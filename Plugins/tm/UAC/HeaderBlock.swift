import PluginKit

// Invariants: texts point into what was read, except for `rest`, which lies in the writer's memory.

/// Header lines as operators and scripts give them for a request: those that have a meaning of their own are taken out, line ends
/// become CRLF.
struct HeaderBlock {
    var from = apus_str()
    var to = apus_str()
    var callID = apus_str()
    var cseq: UInt32 = 0
    var hasContentType = false
    /// Whole lines: all others.
    var rest = apus_str()

    /// Bytes of memory that `read` needs at most.
    static func capacity(_ text: apus_str) -> Int { 2 * text.len + 2 }

    /// - Parameters:
    ///   - method: of the request, which a CSeq must name.
    ///   - out: empty, of `capacity`.
    static func read(
        _ text: apus_str, method: apus_str, _ messages: UnsafePointer<apus_message_api>, into out: inout Writer
    ) throws(RequestFault) -> HeaderBlock {
        var block = HeaderBlock()
        var lines = text
        while let line = SentRequest.next(&lines) {
            guard let colon = line.index(of: 0x3a), colon > 0 else { throw RequestFault(400, "Bad headers") }
            try block.take(
                line, name: line[0..<colon].trimmed, value: line.dropFirst(colon + 1).trimmed, method, messages, &out)
        }
        guard lines.trimmed.isEmpty else { throw RequestFault(400, "Bad headers") }
        guard !block.from.isEmpty else { throw RequestFault(400, "From missing") }
        guard !block.to.isEmpty else { throw RequestFault(400, "To missing") }
        guard !out.overflowed else { throw RequestFault(500, "Out of memory") }
        block.rest = out.text
        return block
    }

    private mutating func take(
        _ line: apus_str, name: apus_str, value: apus_str, _ method: apus_str,
        _ messages: UnsafePointer<apus_message_api>, _ out: inout Writer
    ) throws(RequestFault) {
        func isNamed(_ other: apus_str) -> Bool { messages.pointee.same_header(name, other) > 0 }
        guard name.bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw RequestFault(400, "Bad headers") }
        if isNamed("From") {
            from = value
        } else if isNamed("To") {
            to = value
        } else if isNamed("Call-ID") {
            callID = value
        } else if isNamed("CSeq") {
            try readCSeq(value, method)
        } else if isNamed("Content-Length") {
            throw RequestFault(400, "Content-Length disallowed")
        } else if isNamed("Via") {
            throw RequestFault(400, "Via disallowed")
        } else {
            if isNamed("Content-Type") { hasContentType = true }
            HeaderBlock.copy(line, into: &out)
        }
    }

    private mutating func readCSeq(_ value: apus_str, _ method: apus_str) throws(RequestFault) {
        var parts = value
        guard let number = parts.next(0x20)?.number, 0..<(1 << 31) ~= number else {
            throw RequestFault(400, "Bad CSeq number")
        }
        guard parts.trimmed.equals(method) else { throw RequestFault(400, "CSeq method mismatch") }
        cseq = UInt32(number)
    }

    /// The line with CRLF wherever it ends or is folded.
    private static func copy(_ line: apus_str, into out: inout Writer) {
        var rest = line
        while let part = rest.next(0x0a) {
            out.add(part.len > 0 && part[part.len - 1] == 0x0d ? part[0..<part.len - 1] : part)
            out.add("\r\n")
        }
    }
}
