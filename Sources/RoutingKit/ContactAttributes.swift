import PluginKit

/// What a script has put on a contact, as `usrloc_contact.attributes` has it: names, each with a text or a number. The texts are those that it is made of.
public struct ContactAttributes {
    public struct One {
        public let name: apus_str
        /// Of a number: its digits.
        public let value: apus_str
        public let isNumber: Bool

        public init(name: apus_str, value: apus_str, isNumber: Bool) {
            self.name = name
            self.value = value
            self.isNumber = isNumber
        }

        /// A text with a NUL would be two.
        public var fits: Bool { !name.isEmpty && name.index(of: 0) == nil && value.index(of: 0) == nil }

        /// Bytes that it takes.
        public var size: Int { name.len &+ value.len &+ 3 }

        public func write(to out: inout Writer) {
            out.add(byte: isNumber ? UInt8(ascii: "i") : UInt8(ascii: "s"))
            out.add(name)
            out.add(byte: 0)
            out.add(value)
            out.add(byte: 0)
        }
    }

    private var rest: apus_str

    public init(_ text: apus_str) { rest = text }

    public mutating func next() -> One? {
        guard rest.len > 3, let name = rest.index(of: 0, from: 1), let end = rest.index(of: 0, from: name + 1) else {
            return nil
        }
        defer { rest = rest.dropFirst(end + 1) }
        return One(name: rest[1..<name], value: rest[name + 1..<end], isNumber: rest[0] == UInt8(ascii: "i"))
    }
}
