import PluginAPI

// Invariants: `apus_msg` is a MessageRecord on its own thread; texts that are answered lie in the received bytes or in
// the message's arena.

/// The group `message`: apus/message.h. What edits stands in Host+MessageEdits.
extension HostTables {
    static func makeMessage() -> apus_message_api {
        apus_message_api(
            size: size(apus_message_api.self),
            is_request: { Message(opaque: $0).isRequest ? 1 : 0 },
            method: { HostTables.number(of: Message(opaque: $0).method) },
            method_of: { HostTables.number(of: Method($0.bytes)) },
            status: { CInt(Message(opaque: $0).statusCode) },
            field: { message, field in HostTables.field(field, of: Message(opaque: message)) },
            part: { message, part in
                let message = Message(opaque: message)
                switch Int(part) {
                case Int(APUS_PART_FIRST_LINE): return apus_str(message.startLine)
                case Int(APUS_PART_HEADERS): return apus_str(message.headersText)
                case Int(APUS_PART_BODY): return apus_str(message.body)
                case Int(APUS_PART_ALL): return apus_str(message.received)
                default: return apus_str()
                }
            },
            offset: { message, text in
                guard let s = text.s else { return 0 }
                let base = UnsafeRawPointer(Message(opaque: message).received.start)
                return UInt32(truncatingIfNeeded: UnsafeRawPointer(s) - base)
            },
            header_count: { UInt32(Message(opaque: $0).headerCount) },
            header_at: { message, index, out in
                let message = Message(opaque: message)
                guard index < UInt32(message.headerCount) else { return CInt(APUS_FALSE) }
                HostTables.fill(out, message.header(at: Int(index)), at: Int(index), of: message)
                return CInt(APUS_TRUE)
            },
            find: { message, name, from, out in
                let message = Message(opaque: message)
                guard let index = message.index(named: name.bytes, from: Int(from)) else { return CInt(APUS_FALSE) }
                HostTables.fill(out, message.header(at: index), at: index, of: message)
                return CInt(APUS_TRUE)
            },
            same_header: { a, b in
                let id = HeaderName.id(of: a.bytes)
                if id != .other { return HostTables.answer(id == HeaderName.id(of: b.bytes)) }
                return HostTables.answer(a.bytes.equalsIgnoringCase(b.bytes))
            },
            via: { message, index, out in
                let message = Message(opaque: message)
                // Most ask for the topmost one, which has been read.
                guard let via = index == 0 ? message.topVia : message.via(at: Int(index)) else {
                    return CInt(APUS_FALSE)
                }
                HostTables.fill(
                    out,
                    apus_via(
                        size: out.pointee.size, port: UInt32(via.port), text: apus_str(via.text),
                        transport: apus_str(via.transport), host: apus_str(via.host),
                        branch: HostTables.optional(via.branch),
                        received: via.received.map { apus_str($0) } ?? apus_str(),
                        rport: via.rport.map { apus_str($0) } ?? apus_str(), params: HostTables.optional(via.params)))
                return CInt(APUS_TRUE)
            },
            via_count: { UInt32(Message(opaque: $0).vias.count) },
            source_port: { Message(opaque: $0).routing.source.port },
            received_on: { Message(opaque: $0).routing.receivedOn.map { OpaquePointer($0) } },
            parse_uri: { text, out in
                guard let uri = URI.parse(text.bytes) else { return CInt(APUS_FALSE) }
                HostTables.fill(out, HostTables.contents(of: uri, size: out.pointee.size))
                return CInt(APUS_TRUE)
            },
            parse_name_addr: { text, out in
                var end = 0
                guard let value = NameAddr.parse(text.bytes, from: &end) else { return CInt(APUS_FALSE) }
                // Back over the comma, if there is one.
                let length = end > 0 && end <= text.len && text.bytes[end - 1] == UInt8(ascii: ",") ? end - 1 : end
                HostTables.fill(
                    out,
                    apus_name_addr(
                        size: out.pointee.size, length: UInt32(truncatingIfNeeded: length),
                        display: HostTables.optional(value.displayName), uri: apus_str(value.uri),
                        params: HostTables.optional(value.params)))
                return CInt(APUS_TRUE)
            },
            find_param: { params, name, value in
                guard let found = Parameters(params.bytes).first(name.bytes) else { return CInt(APUS_FALSE) }
                value.pointee = apus_str(found.value)
                return CInt(APUS_TRUE)
            },
            same_uri: { a, b in
                guard let a = URI.parse(a.bytes), let b = URI.parse(b.bytes) else { return -2 }
                return HostTables.answer(a.isEquivalent(to: b))
            },
            hash: { a, b in a.bytes.coreHash(with: b.bytes) },
            set_request_uri: { message, uri in HostTables.answer(Message(opaque: message).setRequestURI(uri.bytes)) },
            set_destination: { message, uri in
                HostTables.answer(Message(opaque: message).setDestinationURI(uri.s == nil ? nil : uri.bytes))
            },
            flag: { message, flag in
                HostTables.answer(flag < 32 && Message(opaque: message).routing.flags & (1 << flag) != 0)
            },
            set_flag: { message, flag, on in
                guard flag < 32 else { return }
                if on > 0 {
                    Message(opaque: message).routing.flags |= 1 << flag
                } else {
                    Message(opaque: message).routing.flags &= ~(1 << flag)
                }
            },
            send_through: { message, listener in
                Message(opaque: message).routing.current.sendThrough = listener.map { UnsafeMutableRawPointer($0) }
            },
            sent_through: { Message(opaque: $0).routing.current.sendThrough.map { OpaquePointer($0) } },
            replace: { message, offset, length, text in
                HostTables.answer(
                    Message(opaque: message).edit(offset: Int(offset), deleted: Int(length), text: text.bytes))
            },
            insert_before: { message, header, lines in
                let message = Message(opaque: message)
                guard let header = HostTables.header(header, of: message) else {
                    return HostTables.answer(message.insertFirst(lines.bytes))
                }
                return HostTables.answer(message.insert(lines.bytes, before: header))
            },
            insert_after: { message, header, lines in
                let message = Message(opaque: message)
                guard let header = HostTables.header(header, of: message) else {
                    return HostTables.answer(message.append(lines.bytes))
                }
                return HostTables.answer(message.insert(lines.bytes, after: header))
            },
            remove_header: { message, header in
                let message = Message(opaque: message)
                guard let header = HostTables.header(header, of: message) else { return CInt(APUS_FALSE) }
                return HostTables.answer(message.remove(header))
            },
            remove_value: { message, value in HostTables.answer(Message(opaque: message).removeValue(value.bytes)) },
            set_body: { message, body, type in
                let message = Message(opaque: message)
                guard !message.isBodyEdited || message.applyEdits() else { return CInt(APUS_FALSE) }
                return HostTables.answer(message.replaceBody(body.bytes, contentType: type.bytes))
            },
            insert_late: { host, message, header, late in
                let message = Message(opaque: message)
                let offset = HostTables.header(header, of: message)?.start ?? message.record.pointee.headersStart
                let text = LateText(
                    host: host, produce: late.pointee.produce, copy: late.pointee.copy, user: late.pointee.user)
                return HostTables.answer(LateText.insert(text, into: message, offset: Int(offset)))
            },
            append_to_reply: { message, lines in HostTables.answer(Message(opaque: message).appendToReply(lines.bytes))
            },
            error: { message, reason in
                let message = Message(opaque: message)
                reason.pointee = apus_str(message.routing.errorReason)
                return message.routing.errorCode
            },
            set_error: { message, code, reason in
                Message(opaque: message).setError(code: code, reason: reason.bytes)
            },
            allocate: { message, size in Message(opaque: message).arena.pointee.allocate(size) },
            flags: { Message(opaque: $0).routing.flags },
            set_flags: { message, flags in Message(opaque: message).routing.flags = flags },
            keep: { host, message in MessageKeeping.keep(Message(opaque: message), host) },
            parse: { host, bytes in MessageKeeping.parse(bytes.bytes, host) },
            hold: { host, message in MessageKeeping.hold(Message(opaque: message), host) },
            release: { host, message in
                guard let message else { return }
                MessageKeeping.release(Message(opaque: message), host)
            },
            adopt: { MessageKeeping.adopt(Message(opaque: $0)) },
            mark: { message, out in MessageKeeping.mark(Message(opaque: message), out) },
            rewind: { message, mark in MessageKeeping.rewind(Message(opaque: message), mark) },
            write_request: { HostTables.writeRequest($1, $2, $3) },
            write_reply: { HostTables.writeReply($1, $2, $3) },
            write_edited: { HostTables.writeEdited($1, $2, $3) },
            source: { HostTables.source(of: $0, $1) },
            next_hop: { HostTables.nextHop(of: $0) },
            bytes: { apus_str(Message(opaque: $0).received) },
            apply_edits: { CInt(Message(opaque: $0).applyEdits() ? APUS_TRUE : APUS_FALSE) },
            send_flags: { Message(opaque: $0).forwardOptions.rawValue },
            add_reply_flags: { message, flags in
                let message = Message(opaque: message)
                if flags & UInt32(APUS_SEND_NO_CONNECT) != 0 { message.routing.options.insert(.replyNoConnect) }
                if flags & UInt32(APUS_SEND_CLOSE) != 0 { message.routing.options.insert(.replyClose) }
            },
            set_reply_body: { message, body, type in
                HostTables.answer(Message(opaque: message).setReplyBody(body.bytes, contentType: type.bytes))
            },
            body_part: { body, type, index, out in
                guard let type = ContentType.parse(type.bytes), type.type.equalsIgnoringCase("multipart"),
                    let boundary = type.boundary
                else { return CInt(APUS_FALSE) }
                var parts = Multipart(body.bytes, boundary: boundary)
                for _ in 0..<index where parts.next() == nil { return CInt(APUS_FALSE) }
                guard let part = parts.next() else { return CInt(APUS_FALSE) }
                HostTables.fill(
                    out,
                    apus_body_part(
                        size: out.pointee.size, reserved: 0, text: apus_str(part.text),
                        headers: apus_str(part.headers),
                        type: part.value("Content-Type").map { apus_str($0) } ?? apus_str(), body: apus_str(part.body)))
                return CInt(APUS_TRUE)
            },
            is_body_edited: { HostTables.answer(Message(opaque: $0).isBodyEdited) },
            parse_date: { text, seconds in
                guard let date = SIPDate.parse(text.bytes) else { return CInt(APUS_FALSE) }
                seconds.pointee = date
                return CInt(APUS_TRUE)
            },
            parse_credentials: { text, out in
                guard let credentials = Credentials.parse(text.bytes) else { return CInt(APUS_FALSE) }
                HostTables.fill(out, HostTables.contents(of: credentials, size: out.pointee.size))
                return CInt(APUS_TRUE)
            },
            set_status: { message, code, reason in
                HostTables.answer(
                    Message(opaque: message).setStatus(code, reason: reason.s == nil ? nil : reason.bytes))
            },
            set_bytes: { message, bytes in HostTables.answer(Message(opaque: message).setBytes(bytes.bytes)) },
            xflags: { Message(opaque: $0).routing.xflags },
            set_xflags: { Message(opaque: $0).routing.xflags = $1 },
            is_faked: { HostTables.answer(Message(opaque: $0).routing.options.contains(.faked)) },
            set_received_on: { Message(opaque: $0).routing.receivedOn = UnsafeMutableRawPointer($1) },
            set_source: { Message(opaque: $0).routing.source = SocketAddress($1.pointee) },
            set_via_sent_by: { message, host, port in
                let message = Message(opaque: message)
                var kept: Bytes?
                if !host.bytes.isEmpty {
                    kept = message.keep(host.bytes)
                    guard kept != nil else { return CInt(APUS_FALSE) }
                }
                message.routing.viaHost = kept
                message.routing.viaPort = port
                return CInt(APUS_TRUE)
            },
            set_via_params: { message, params in
                let message = Message(opaque: message)
                guard let kept = message.keep(params.bytes) else { return CInt(APUS_FALSE) }
                message.routing.viaParams = kept
                return CInt(APUS_TRUE)
            },
            via_params: { apus_str(Message(opaque: $0).routing.viaParams) },
            set_reply_via_params: { message, params in
                let message = Message(opaque: message)
                guard let kept = message.keep(params.bytes) else { return CInt(APUS_FALSE) }
                message.routing.replyViaParams = kept
                return CInt(APUS_TRUE)
            },
            set_authorized: { message, credentials in
                let message = Message(opaque: message)
                var kept: Bytes?
                if credentials.s != nil {
                    kept = message.keep(credentials.bytes)
                    guard kept != nil else { return CInt(APUS_FALSE) }
                }
                message.routing.authorized = kept
                return CInt(APUS_TRUE)
            },
            authorized: { Message(opaque: $0).routing.authorized.map { apus_str($0) } ?? apus_str() })
    }

    /// The contract's number of a method.
    @inline(__always)
    private static func number(of method: Method) -> UInt32 {
        switch method {
        case .other: UInt32(APUS_METHOD_OTHER)
        case .invite: UInt32(APUS_METHOD_INVITE)
        case .ack: UInt32(APUS_METHOD_ACK)
        case .bye: UInt32(APUS_METHOD_BYE)
        case .cancel: UInt32(APUS_METHOD_CANCEL)
        case .options: UInt32(APUS_METHOD_OPTIONS)
        case .register: UInt32(APUS_METHOD_REGISTER)
        case .prack: UInt32(APUS_METHOD_PRACK)
        case .subscribe: UInt32(APUS_METHOD_SUBSCRIBE)
        case .notify: UInt32(APUS_METHOD_NOTIFY)
        case .publish: UInt32(APUS_METHOD_PUBLISH)
        case .info: UInt32(APUS_METHOD_INFO)
        case .refer: UInt32(APUS_METHOD_REFER)
        case .message: UInt32(APUS_METHOD_MESSAGE)
        case .update: UInt32(APUS_METHOD_UPDATE)
        case .kdmq: UInt32(APUS_METHOD_KDMQ)
        }
    }

    private static func field(_ field: UInt32, of message: Message) -> apus_str {
        switch Int(field) {
        case Int(APUS_FIELD_METHOD_TEXT): apus_str(message.methodText)
        case Int(APUS_FIELD_REQUEST_URI): message.isRequest ? apus_str(message.requestURIText) : apus_str()
        case Int(APUS_FIELD_ORIGINAL_URI): message.isRequest ? apus_str(message.originalURIText) : apus_str()
        case Int(APUS_FIELD_REASON): message.isRequest ? apus_str() : apus_str(message.reason)
        case Int(APUS_FIELD_CALL_ID): message.value(.callID).map { apus_str($0) } ?? apus_str()
        case Int(APUS_FIELD_FROM_URI): message.from.map { apus_str($0.uri) } ?? apus_str()
        case Int(APUS_FIELD_FROM_TAG): message.from?.tag.map { apus_str($0) } ?? apus_str()
        case Int(APUS_FIELD_FROM_NAME): message.from.map { HostTables.optional($0.displayName) } ?? apus_str()
        case Int(APUS_FIELD_TO_URI): message.to.map { apus_str($0.uri) } ?? apus_str()
        case Int(APUS_FIELD_TO_TAG): message.to?.tag.map { apus_str($0) } ?? apus_str()
        case Int(APUS_FIELD_TO_NAME): message.to.map { HostTables.optional($0.displayName) } ?? apus_str()
        case Int(APUS_FIELD_CSEQ_NUMBER): message.value(.cseq).map { digits(of: $0) } ?? apus_str()
        case Int(APUS_FIELD_CONTENT_TYPE): message.value(.contentType).map { apus_str($0) } ?? apus_str()
        case Int(APUS_FIELD_DESTINATION_URI): message.routing.current.destination.map { apus_str($0) } ?? apus_str()
        case Int(APUS_FIELD_SOURCE_IP): address(message.routing.source, message)
        case Int(APUS_FIELD_RECEIVED_IP): address(message.routing.destination, message)
        default: apus_str()
        }
    }

    private static func digits(of value: Bytes) -> apus_str {
        let end = value.end(of: .digit)
        return end > 0 ? apus_str(value.prefix(end)) : apus_str()
    }

    /// The address as text, in the message's arena.
    private static func address(_ address: SocketAddress, _ message: Message) -> apus_str {
        guard !address.isNone, let place = message.arena.pointee.allocate(SocketAddress.longestText) else {
            return apus_str()
        }
        let text = place.assumingMemoryBound(to: UInt8.self)
        return apus_str(Bytes(UnsafePointer(text), address.writeAddress(to: text, brackets: false)))
    }

    /// Absent parts, empty in Core, have no text in the contract.
    @inline(__always)
    private static func optional(_ text: Bytes) -> apus_str { text.isEmpty ? apus_str() : apus_str(text) }

    @inline(__always)
    private static func fill(
        _ out: UnsafeMutablePointer<apus_header>, _ header: Header, at index: Int, of message: Message
    ) {
        HostTables.fill(
            out,
            apus_header(
                size: out.pointee.size, index: UInt32(truncatingIfNeeded: index),
                name: apus_str(message.bytes(header.name)), value: apus_str(message.bytes(header.value)),
                offset: header.start, length: header.end &- header.start))
    }

    /// The header that a module means; nil for null and for places that the message does not have.
    @inline(__always)
    private static func header(_ header: UnsafePointer<apus_header>?, of message: Message) -> Header? {
        guard let header, Int(header.pointee.index) < message.headerCount else { return nil }
        return message.header(at: Int(header.pointee.index))
    }

    private static func contents(of credentials: Credentials, size: UInt32) -> apus_credentials {
        func text(_ value: Bytes?) -> apus_str { value.map { apus_str($0) } ?? apus_str() }
        return apus_credentials(
            size: size, reserved: 0, scheme: apus_str(credentials.scheme), params: apus_str(credentials.params),
            username: text(credentials.username), realm: text(credentials.realm), nonce: text(credentials.nonce),
            uri: text(credentials.uri), response: text(credentials.response), algorithm: text(credentials.algorithm),
            cnonce: text(credentials.cnonce), opaque: text(credentials.opaque), qop: text(credentials.qop),
            nc: text(credentials.nonceCount))
    }

    private static func contents(of uri: URI, size: UInt32) -> apus_uri {
        let scheme: UInt32
        switch uri.scheme {
        case .sip: scheme = 1
        case .sips: scheme = 2
        case .tel: scheme = 3
        case .tels: scheme = 4
        case .urn: scheme = 5
        case .other: scheme = 0
        }
        let user = uri.isSIP ? (uri.hasUser ? apus_str(uri.user) : apus_str()) : HostTables.optional(uri.user)
        return apus_uri(
            size: size, scheme: scheme, user: user, password: HostTables.optional(uri.password),
            host: HostTables.optional(uri.host),
            port: HostTables.optional(uri.portText), params: HostTables.optional(uri.params),
            headers: HostTables.optional(uri.headers),
            transport: HostTables.optional(uri.transport), user_param: HostTables.optional(uri.userParam),
            maddr: HostTables.optional(uri.maddr),
            lr: uri.isLooseRouter ? apus_str(uri.parameters["lr"] ?? .empty) : apus_str(),
            r2: uri.isSecondRoute ? apus_str(uri.parameters["r2"] ?? .empty) : apus_str(),
            method: HostTables.optional(uri.method), ttl: HostTables.optional(uri.ttl), port_number: UInt32(uri.port),
            reserved: 0)
    }
}
