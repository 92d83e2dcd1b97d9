import PluginKit

// Invariants: pure functions over texts that the caller owns.

/// The proxies that requests in a dialog pass (RFC 3261 section 12.1): values of Record-Route headers with commas between them.
struct RouteSet {
    let values: apus_str

    init(_ values: apus_str) { self.values = values }

    /// Bytes that `write` needs at most.
    static func capacity(_ message: OpaquePointer, _ messages: UnsafePointer<apus_message_api>) -> Int {
        var sum = 0
        var at: UInt32 = 0
        while let header = apus_header.filled({ messages.pointee.find(message, "Record-Route", at, $0) }) {
            sum += header.value.len + 2
            at = header.index + 1
        }
        return sum
    }

    /// The route set that a message establishes: its Record-Route values in their order, or, for who sent the request, in reverse.
    static func write(
        _ message: OpaquePointer, _ messages: UnsafePointer<apus_message_api>, reversed: Bool, to out: inout Writer
    ) {
        var count = 0
        visit(message, messages) { _ in count += 1 }
        withUnsafeTemporaryAllocation(of: apus_str.self, capacity: count) { values in
            var index = 0
            visit(message, messages) { text in
                values.initializeElement(at: reversed ? count - 1 - index : index, to: text)
                index += 1
            }
            for index in 0..<count {
                if index > 0 { out.add(", ") }
                out.add(values[index])
            }
        }
    }

    /// Each value over all Record-Route headers, in their order.
    private static func visit(
        _ message: OpaquePointer, _ messages: UnsafePointer<apus_message_api>, _ body: (apus_str) -> Void
    ) {
        var at: UInt32 = 0
        while let header = apus_header.filled({ messages.pointee.find(message, "Record-Route", at, $0) }) {
            at = header.index + 1
            var rest = header.value
            while let text = next(&rest, messages) { body(text) }
        }
    }

    /// Takes the first value off the front; nil when there is none that can be read.
    private static func next(_ rest: inout apus_str, _ messages: UnsafePointer<apus_message_api>) -> apus_str? {
        guard let value = apus_name_addr.filled({ messages.pointee.parse_name_addr(rest, $0) }) else { return nil }
        let text = rest[0..<min(Int(value.length), rest.len)].trimmed
        rest = rest.dropFirst(Int(value.length) + 1)
        return text
    }

    /// URI of the first value; no text when the set is empty.
    func first(_ messages: UnsafePointer<apus_message_api>) -> apus_str {
        apus_name_addr.filled { messages.pointee.parse_name_addr(values, $0) }?.uri ?? apus_str()
    }

    /// Whether the first proxy wants to be the Request-URI, as RFC 2543 has it.
    func isStrict(_ messages: UnsafePointer<apus_message_api>) -> Bool {
        guard !values.isEmpty, let uri = apus_uri.filled({ messages.pointee.parse_uri(first(messages), $0) }) else {
            return false
        }
        return uri.lr.isNull
    }

    /// The Request-URI of a request to that target (section 12.2.1.1).
    func requestURI(_ target: apus_str, _ messages: UnsafePointer<apus_message_api>) -> apus_str {
        isStrict(messages) ? first(messages) : target
    }

    /// The Route header of a request to that target, with its line end; nothing when the set is empty.
    func writeHeader(_ target: apus_str, _ messages: UnsafePointer<apus_message_api>, to out: inout Writer) {
        guard !values.isEmpty else { return }
        out.add("Route: ")
        if isStrict(messages) {
            var rest = values
            _ = RouteSet.next(&rest, messages)
            rest = rest.trimmed
            out.add(rest)
            out.add(rest.isEmpty ? "<" : ", <")
            out.add(target)
            out.add(">")
        } else {
            out.add(values)
        }
        out.add("\r\n")
    }
}
