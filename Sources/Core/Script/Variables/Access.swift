import PluginAPI

// Invariants: an access and the place of its value live for the getter's or setter's call; the run and the message in it longer. Texts that
// are given live for the run: message bytes, static text, memory of the run's arena. A value that a setter of Core is handed lives
// for the run too: the machine's values do, and who assigns from elsewhere copies the text into the run first.

/// An access as Core's own variables see it: nothing hidden.
extension UnsafePointer<apus_access> {
    @inline(__always)
    var run: UnsafeMutablePointer<Run> { UnsafeMutablePointer(pointee.run) }
    @inline(__always)
    var message: Message { Message(UnsafeMutablePointer(pointee.msg)) }
    /// The inner name; empty when none was written.
    @inline(__always)
    var inner: Bytes { pointee.inner.bytes }
    /// `[*]` was written.
    @inline(__always)
    var wantsAll: Bool { pointee.index_kind == UInt32(APUS_INDEX_ALL) }

    /// The place that the index means in a list of so many: the first without an index, negative ones from the end. Nil: outside.
    @inline(__always)
    func place(in count: Int) -> Int? {
        guard pointee.index_kind == UInt32(APUS_INDEX_NUMBER) else { return count > 0 ? 0 : nil }
        let index = pointee.index < 0 ? pointee.index &+ Int64(count) : pointee.index
        return index >= 0 && index < Int64(count) ? Int(index) : nil
    }

    /// A value as text, a number printed; nil when it is $null or the run's memory is used up.
    @inline(__always)
    func text(of value: UnsafePointer<apus_value>) -> Bytes? {
        value.pointee.isNull ? nil : run.text(of: value.pointee)?.bytes
    }
}

/// The answers of a getter.
extension UnsafeMutablePointer<apus_value> {
    @inline(__always)
    func give(_ text: Bytes) -> CInt {
        pointee = apus_value(apus_str(text))
        return 1
    }

    /// Nil is $null.
    @inline(__always)
    func give(_ text: Bytes?) -> CInt {
        guard let text else { return -1 }
        return give(text)
    }

    /// No bytes are $null.
    @inline(__always)
    func give(ifAny text: Bytes) -> CInt { text.isEmpty ? -1 : give(text) }

    @inline(__always)
    func give<Number: FixedWidthInteger>(_ number: Number) -> CInt {
        pointee = apus_value(Int64(truncatingIfNeeded: number))
        return 1
    }

    /// A text that knows its number.
    @inline(__always)
    func give<Number: FixedWidthInteger>(_ text: Bytes, _ number: Number) -> CInt {
        pointee = apus_value(
            kind: UInt32(APUS_STRING | APUS_INT), reserved: 0, num: Int64(truncatingIfNeeded: number),
            str: apus_str(text))
        return 1
    }

    @inline(__always)
    func give(_ value: apus_value) -> CInt {
        pointee = value
        return value.isNull ? -1 : 1
    }
}

extension UnsafeMutablePointer<Run> {
    /// A text that is written once and lives for the run; nil when it does not fit or the run's memory is used up.
    /// - Parameter capacity: bytes that are taken, used or not.
    @inline(__always)
    func compose(_ capacity: Int, _ write: (inout ByteWriter) -> Void) -> Bytes? {
        guard let place = allocate(capacity) else { return nil }
        var out = ByteWriter(place.assumingMemoryBound(to: UInt8.self), capacity: capacity)
        write(&out)
        return out.isOverflown ? nil : out.bytes
    }

    /// Joined by a separator, as `[*]` gives lists.
    /// - Parameter element: answers the text at a place.
    @inline(__always)
    func joined(_ count: Int, separator: StaticString, _ element: (Int) -> Bytes) -> Bytes? {
        var size = max(0, count - 1) * separator.utf8CodeUnitCount
        for index in 0..<count { size += element(index).count }
        guard size <= pointee.image.pointee.limits.maxText else { return nil }
        return compose(size) { out in
            for index in 0..<count {
                if index > 0 { out.write(separator) }
                out.write(element(index))
            }
        }
    }
}
