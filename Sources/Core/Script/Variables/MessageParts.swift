import PluginAPI

/// `$rb`, `$mb`, `$msg(…)`: the message and its parts as bytes.
extension CoreVariables {
    static func declareMessageParts(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("rb", "The body; $null when there is none.") { $1.give(ifAny: $0.message.body) }
        try declare.variable("bs", number: true, "Bytes of the body.") { $1.give($0.message.body.count) }
        try declare.variable("mb", "The message as received.") { $1.give($0.message.received) }
        try declare.variable("mbu", "The message with all edits applied.") { $1.give($0.editedMessage) }
        try declare.variable("ml", number: true, "Bytes of the message as received.") {
            $1.give($0.message.received.count)
        }
        try declare.variable("mi", number: true, "Number of the message, counted by the worker.") {
            $1.give($0.message.routing.number)
        }
        try declare.variable(
            "msg", inner: "len|buf|body|body_len|hdrs|hdrs_len|hdrc|fline|fpart|lpart",
            "Parts of the message: len, buf, body, body_len, hdrs, hdrs_len, hdrc (headers), fline (first line), fpart"
                + " (up to the body), lpart (from the headers on)."
        ) { $1.givePart($0) }
        try declare.variable(
            "msgbuf", inner: "*", dynamic: true, "The byte at a place of the message; negative ones from the end."
        ) { access, out in
            let all = access.message.received
            var place = apus_str(access.inner).asInt
            if place < 0 { place += Int64(all.count) }
            guard place >= 0, place < Int64(all.count) else { return -1 }
            return out.give(all[Int(place)..<Int(place) + 1])
        }
    }
}

extension UnsafePointer<apus_access> {
    fileprivate var editedMessage: Bytes? {
        let message = message
        // Edits insert what the arena holds: their texts are the bound.
        var room = message.received.count + message.requestURIText.count + 256
        var next = message.record.pointee.edits.newest
        while let edit = next {
            room += edit.pointee.text.count
            next = edit.pointee.previous
        }
        // LF alone becomes CRLF.
        room += message.record.pointee.hasBareLF ? message.headerCount * 2 + 16 : 0
        guard room <= Limits.messageSize * 2, let place = run.allocate(room) else { return nil }
        let buffer = UnsafeMutableRawBufferPointer(start: place, count: room)
        guard let count = message.writeEdited(into: buffer) else { return nil }
        return Bytes(UnsafePointer<UInt8>(place.assumingMemoryBound(to: UInt8.self)), count)
    }
}

extension UnsafeMutablePointer<apus_value> {
    fileprivate func givePart(_ access: UnsafePointer<apus_access>) -> CInt {
        let message = access.message
        let all = message.received
        let headersStart = Int(message.record.pointee.headersStart)
        switch access.pointee.inner_id {
        case 0: return give(all.count)
        case 1: return give(all)
        case 2: return give(ifAny: message.body)
        case 3: return give(message.body.count)
        case 4: return give(message.headersText.trimmed)
        case 5: return give(message.headersText.trimmed.count)
        case 6: return give(message.headerCount)
        case 7: return give(message.startLine)
        case 8: return give(all[message.startOffset..<Int(message.record.pointee.headersEnd)].trimmed)
        case 9: return give(all.dropFirst(headersStart))
        default: return -1
        }
    }
}
