// Invariants: a value is a piece of bytes that `Bencode.scan` has found whole and well-formed: what is read within needs no checks of its own.
// The bytes are the caller's and live at least as long as whatever was read from them.

/// One value of a bencoded text, which stays where it is: nothing is copied or built.
public struct BencodedValue {
    public enum Kind: Sendable {
        case number
        case text
        case list
        case dictionary
    }

    /// The value as it was written.
    public let bytes: UnsafeRawBufferPointer

    init(unchecked bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    public var kind: Kind {
        @_noLocks get {
            switch bytes[0] {
            case UInt8(ascii: "i"): .number
            case UInt8(ascii: "l"): .list
            case UInt8(ascii: "d"): .dictionary
            default: .text
            }
        }
    }

    /// Nil for anything but a number.
    public var number: Int64? {
        @_noLocks get {
            guard kind == .number else { return nil }
            return Bencode.number(UnsafeRawBufferPointer(rebasing: bytes[1..<bytes.count - 1]))
        }
    }

    /// Nil for anything but a text.
    public var text: UnsafeRawBufferPointer? {
        @_noLocks get {
            guard kind == .text, let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            return UnsafeRawBufferPointer(rebasing: bytes[(colon + 1)...])
        }
    }

    /// The first value of that key; nil when there is none, and for anything but a dictionary.
    @_noLocks public subscript(_ key: StaticString) -> BencodedValue? {
        guard kind == .dictionary else { return nil }
        var items = items
        while let name = items.next(), let value = items.next() {
            guard let text = name.text, text.count == key.utf8CodeUnitCount else { continue }
            if text.elementsEqual(UnsafeBufferPointer(start: key.utf8Start, count: text.count)) { return value }
        }
        return nil
    }

    /// What a list holds; of a dictionary keys and values by turns; of other values nothing.
    public var items: Items {
        @_noLocks get { Items(self) }
    }

    public struct Items: IteratorProtocol, Sequence {
        private var rest: UnsafeRawBufferPointer

        fileprivate init(_ value: BencodedValue) {
            let holds = value.kind == .list || value.kind == .dictionary
            rest = UnsafeRawBufferPointer(rebasing: value.bytes[(holds ? 1 : 0)..<(holds ? value.bytes.count - 1 : 0)])
        }

        @_noLocks public mutating func next() -> BencodedValue? {
            guard !rest.isEmpty, case .whole(let count) = Bencode.scan(rest) else { return nil }
            defer { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
            return BencodedValue(unchecked: UnsafeRawBufferPointer(rebasing: rest[..<count]))
        }
    }
}
