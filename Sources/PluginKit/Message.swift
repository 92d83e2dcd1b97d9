import PluginAPI

// Invariants: a Message borrows the host's handle and is valid as long as that is (apus/message.h); texts that it gives live as
// long as the message's run.

/// A struct of the contract that carries its own size.
public protocol Sized {
    init()
    var size: UInt32 { get set }
}

extension apus_header: Sized {}
extension apus_via: Sized {}
extension apus_uri: Sized {}
extension apus_name_addr: Sized {}
extension apus_body_part: Sized {}
extension apus_branch: Sized {}
extension apus_listener_info: Sized {}
extension apus_destination: Sized {}
extension apus_statistic: Sized {}
extension apus_setting: Sized {}
extension Sized {
    /// What the host fills in; nil when it answers false.
    @inlinable @inline(__always)
    public static func filled(_ fill: (UnsafeMutablePointer<Self>) -> CInt) -> Self? {
        var value = Self()
        value.size = UInt32(MemoryLayout<Self>.size)
        return fill(&value) > 0 ? value : nil
    }
}

/// A SIP message as the contract shows it; what has no comfort here is called through `api` with `handle`.
public struct Message {
    public let handle: OpaquePointer
    public let api: UnsafePointer<apus_message_api>

    @inlinable
    public init(handle: OpaquePointer, api: UnsafePointer<apus_message_api>) {
        self.handle = handle
        self.api = api
    }

    @inlinable public var isRequest: Bool { api.pointee.is_request(handle) > 0 }
    /// `APUS_METHOD_…`; of a reply its CSeq's.
    @inlinable public var method: Int { Int(api.pointee.method(handle)) }
    /// `APUS_FIELD_…`; no text when the message has none.
    @inlinable public func field(_ field: Int) -> apus_str { api.pointee.field(handle, UInt32(field)) }
    /// `APUS_PART_…`.
    @inlinable public func part(_ part: Int) -> apus_str { api.pointee.part(handle, UInt32(part)) }

    @inlinable
    public func header(at index: Int) -> apus_header? { .filled { api.pointee.header_at(handle, UInt32(index), $0) } }

    /// The first header of that name at place `from` or later; compact forms are equal.
    @inlinable public func find(_ name: apus_str, from: Int = 0) -> apus_header? {
        .filled { api.pointee.find(handle, name, UInt32(from), $0) }
    }

    @inlinable public func via(_ index: Int) -> apus_via? { .filled { api.pointee.via(handle, UInt32(index), $0) } }

    @inlinable public func parse(uri text: apus_str) -> apus_uri? { .filled { api.pointee.parse_uri(text, $0) } }

    @inlinable
    public func parse(nameAddr text: apus_str) -> apus_name_addr? { .filled { api.pointee.parse_name_addr(text, $0) } }

    /// The parameter's value, "" when it has none; nil when it is absent.
    @inlinable public func parameter(_ name: apus_str, in params: apus_str) -> apus_str? {
        var value = apus_str()
        return api.pointee.find_param(params, name, &value) > 0 ? value : nil
    }

    /// Replaces a piece of the message as it was received: a text that an accessor gave.
    public func replace(_ piece: apus_str, with text: apus_str) -> Bool {
        api.pointee.replace(handle, api.pointee.offset(handle, piece), UInt32(piece.len), text) > 0
    }

    /// Whole header lines; nil: before the first header.
    public func insert(_ lines: apus_str, before header: UnsafePointer<apus_header>?) -> Bool {
        api.pointee.insert_before(handle, header, lines) > 0
    }

    /// Whole header lines; nil: after the last header.
    public func insert(_ lines: apus_str, after header: UnsafePointer<apus_header>?) -> Bool {
        api.pointee.insert_after(handle, header, lines) > 0
    }

    @inlinable public func remove(_ header: UnsafePointer<apus_header>) -> Bool {
        api.pointee.remove_header(handle, header) > 0
    }
}
