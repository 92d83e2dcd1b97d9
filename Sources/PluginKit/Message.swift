import PluginAPI

// Invariants: a Message borrows the host's handle and is valid as long as that is (apus/message.h); texts that it gives live as
// long as the message's run.

/// A SIP message as the contract shows it.
public struct Message {
    public let handle: OpaquePointer
    public let api: UnsafePointer<apus_message_api>

    @inlinable
    public init(handle: OpaquePointer, api: UnsafePointer<apus_message_api>) {
        self.handle = handle
        self.api = api
    }

    @inlinable
    public var isRequest: Bool { api.pointee.is_request(handle) > 0 }
    /// `APUS_METHOD_…`; of a reply its CSeq's.
    @inlinable
    public var method: Int { Int(api.pointee.method(handle)) }
    /// 0 for a request.
    @inlinable
    public var status: Int { Int(api.pointee.status(handle)) }

    /// `APUS_FIELD_…`; no text when the message has none.
    @inlinable
    public func field(_ field: Int) -> apus_str { api.pointee.field(handle, UInt32(field)) }
    /// `APUS_PART_…`.
    @inlinable
    public func part(_ part: Int) -> apus_str { api.pointee.part(handle, UInt32(part)) }
    /// Offset of a text of this message in its received bytes.
    @inlinable
    public func offset(of text: apus_str) -> UInt32 { api.pointee.offset(handle, text) }

    @inlinable
    public var headerCount: Int { Int(api.pointee.header_count(handle)) }

    @inlinable
    public func header(at index: Int) -> apus_header? {
        var header = apus_header()
        header.size = UInt32(MemoryLayout<apus_header>.size)
        return api.pointee.header_at(handle, UInt32(index), &header) > 0 ? header : nil
    }

    /// The first header of that name at place `from` or later; compact forms are equal.
    @inlinable
    public func find(_ name: apus_str, from: Int = 0) -> apus_header? {
        var header = apus_header()
        header.size = UInt32(MemoryLayout<apus_header>.size)
        return api.pointee.find(handle, name, UInt32(from), &header) > 0 ? header : nil
    }

    @inlinable
    public func find(_ name: StaticString, from: Int = 0) -> apus_header? { find(apus_str(name), from: from) }

    @inlinable
    public var viaCount: Int { Int(api.pointee.via_count(handle)) }

    @inlinable
    public func via(_ index: Int) -> apus_via? {
        var via = apus_via()
        via.size = UInt32(MemoryLayout<apus_via>.size)
        return api.pointee.via(handle, UInt32(index), &via) > 0 ? via : nil
    }

    @inlinable
    public func parse(uri text: apus_str) -> apus_uri? {
        var uri = apus_uri()
        uri.size = UInt32(MemoryLayout<apus_uri>.size)
        return api.pointee.parse_uri(text, &uri) > 0 ? uri : nil
    }

    @inlinable
    public func parse(nameAddr text: apus_str) -> apus_name_addr? {
        var value = apus_name_addr()
        value.size = UInt32(MemoryLayout<apus_name_addr>.size)
        return api.pointee.parse_name_addr(text, &value) > 0 ? value : nil
    }

    /// The parameter's value, "" when it has none; nil when it is absent.
    @inlinable
    public func parameter(_ name: StaticString, in params: apus_str) -> apus_str? {
        var value = apus_str()
        return api.pointee.find_param(params, apus_str(name), &value) > 0 ? value : nil
    }

    @inlinable
    public func replace(offset: UInt32, length: UInt32, with text: apus_str) -> Bool {
        api.pointee.replace(handle, offset, length, text) > 0
    }

    /// Whole header lines; nil: before the first header.
    @inlinable
    public func insert(_ lines: apus_str, before header: apus_header?) -> Bool {
        guard var header else { return api.pointee.insert_before(handle, nil, lines) > 0 }
        return api.pointee.insert_before(handle, &header, lines) > 0
    }

    /// Whole header lines; nil: after the last header.
    @inlinable
    public func insert(_ lines: apus_str, after header: apus_header?) -> Bool {
        guard var header else { return api.pointee.insert_after(handle, nil, lines) > 0 }
        return api.pointee.insert_after(handle, &header, lines) > 0
    }

    @inlinable
    public func remove(_ header: apus_header) -> Bool {
        var header = header
        return api.pointee.remove_header(handle, &header) > 0
    }
}
