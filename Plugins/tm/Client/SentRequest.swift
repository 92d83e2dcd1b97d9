import PluginKit

// Invariants: the bytes are a request that this server wrote: they parse, and end their header with an empty line. Texts point into them.

/// A request as it was sent, read line by line: what an ACK, a CANCEL or a further attempt takes over of it.
struct SentRequest {
    let uri: apus_str
    /// Our Via: the first header, with its line end.
    let via: apus_str
    /// The lines that follow it, from the first one's name on, the empty line included.
    private(set) var rest: apus_str

    /// Nil when the text is no such request.
    init?(_ text: apus_str) {
        guard let afterMethod = text.index(of: 0x20), let afterURI = text.index(of: 0x20, from: afterMethod + 1),
            let lineEnd = text.index(of: 0x0a, from: afterURI)
        else { return nil }
        uri = text[afterMethod + 1..<afterURI]
        let headers = text.dropFirst(lineEnd + 1)
        guard let viaEnd = headers.index(of: 0x0a) else { return nil }
        via = headers[0..<viaEnd + 1]
        rest = headers.dropFirst(viaEnd + 1)
    }

    /// With the headers of another request, as it was received: its lines may end in LF alone.
    mutating func takeHeaders(of received: apus_str) {
        guard let lineEnd = received.index(of: 0x0a) else { return }
        rest = received.dropFirst(lineEnd + 1)
    }

    /// Takes the next header with its line end(s) off the front; nil at the empty line.
    static func next(_ rest: inout apus_str) -> apus_str? {
        guard rest.len > 0, rest[0] != 0x0d, rest[0] != 0x0a else { return nil }
        var end = rest.index(of: 0x0a).map { $0 + 1 } ?? rest.len
        while end < rest.len, rest[end] == 0x20 || rest[end] == 0x09 {
            end = rest.index(of: 0x0a, from: end).map { $0 + 1 } ?? rest.len
        }
        defer { rest = rest.dropFirst(end) }
        return rest[0..<end]
    }

    /// What a header's line is, as far as an ACK or CANCEL cares.
    enum Kind {
        case from, to, callID, cseq, route
        case other
    }

    static func kind(of line: apus_str) -> Kind {
        let name = line[0..<(line.index(of: 0x3a) ?? line.len)].trimmed
        guard name.len > 0 else { return .other }
        switch apus_str.lower(name[0]) {
        case 0x66 where name.len == 1 || name.equalsIgnoringCase("From"): return .from
        case 0x74 where name.len == 1 || name.equalsIgnoringCase("To"): return .to
        case 0x69 where name.len == 1: return .callID
        case 0x63 where name.equalsIgnoringCase("Call-ID"): return .callID
        case 0x63 where name.equalsIgnoringCase("CSeq"): return .cseq
        case 0x72 where name.equalsIgnoringCase("Route"): return .route
        default: return .other
        }
    }

    /// The request that belongs to an INVITE hop by hop: the ACK to its negative final reply, or its CANCEL. The same Request-URI, top Via,
    /// Route set, From, Call-ID and CSeq number (RFC 3261 sections 17.1.1.3 and 9.1).
    /// - Parameters:
    ///   - to: value of the To header instead of the request's own; null s: that one.
    ///   - copied: headers whose names start with this are taken along; empty: none.
    ///   - lines: further headers, whole lines; may be empty.
    func write(_ method: apus_str, to: apus_str, copied: apus_str, lines: apus_str, into out: inout Writer) {
        out.add(method)
        out.add(" ")
        out.add(uri)
        out.add(" SIP/2.0\r\n")
        out.add(via)
        out.add("Max-Forwards: 70\r\n")
        var rest = rest
        while let line = SentRequest.next(&rest) {
            switch SentRequest.kind(of: line) {
            case .from, .callID, .route: SentRequest.add(line, to: &out)
            case .to:
                guard !to.isNull else {
                    SentRequest.add(line, to: &out)
                    continue
                }
                out.add("To: ")
                out.add(to)
                out.add("\r\n")
            case .cseq:
                out.add("CSeq: ")
                let value = line.dropFirst((line.index(of: 0x3a) ?? 0) + 1).trimmed
                for byte in value.bytes.prefix(while: { $0 &- 0x30 <= 9 }) { out.add(byte: byte) }
                out.add(" ")
                out.add(method)
                out.add("\r\n")
            case .other:
                if !copied.isEmpty, line.len > copied.len, line[0..<copied.len].equalsIgnoringCase(copied) {
                    SentRequest.add(line, to: &out)
                }
            }
        }
        out.add(lines)
        out.add("Content-Length: 0\r\n\r\n")
    }

    /// A header with its line end, folded ones with their inner ones, as CRLF.
    private static func add(_ line: apus_str, to out: inout Writer) {
        var rest = line
        while let end = rest.index(of: 0x0a) {
            let hasCR = end > 0 && rest[end - 1] == 0x0d
            out.add(rest[0..<(hasCR ? end - 1 : end)])
            out.add("\r\n")
            rest = rest.dropFirst(end + 1)
        }
        out.add(rest)
    }

    /// Bytes that `write` needs at most: each line of `rest` may get a CR.
    func capacity(to: apus_str, lines: apus_str) -> Int {
        uri.len + via.len + rest.len + rest.len / 2 + to.len + lines.len + 192
    }
}

extension BranchRef {
    /// What an ACK or CANCEL of ours is made of: the request as it was sent, or with `reparse_invite` 0 the headers that it came with. Nil when
    /// it was not sent.
    var template: SentRequest? {
        guard var sent = SentRequest(pointee.request.text) else { return nil }
        if home.settings.pointee.reparseInvite == 0, !pointee.transaction.pointee.flags.contains(.local),
            let request = pointee.transaction.pointee.request
        {
            sent.takeHeaders(of: home.messages.pointee.bytes(request))
        }
        return sent
    }
}
