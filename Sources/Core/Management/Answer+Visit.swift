// Invariants: Answer.swift writes what is read here; `at` stands at the beginning of an item. Texts given to visitors live for the call.

/// Who renders an answer. It gets the items in order; keys are there for members of maps only.
protocol AnswerVisitor {
    mutating func int(_ value: Int64, key: Bytes?)
    mutating func double(_ value: Double, key: Bytes?)
    /// Any bytes: UTF-8 is not promised.
    mutating func text(_ value: Bytes, key: Bytes?)
    mutating func openMap(key: Bytes?)
    mutating func openArray(key: Bytes?)
    mutating func closeMap()
    mutating func closeArray()
}

extension Answer {
    /// Shows the answer to a visitor. Precondition: all that was opened is closed.
    func visit<Visitor: AnswerVisitor>(_ visitor: inout Visitor) {
        bytes.withUnsafeBytes { raw in
            guard let start = raw.baseAddress else { return }
            var reader = Reader(at: start, end: start + raw.count)
            while reader.at < reader.end { reader.item(&visitor) }
        }
    }

    private struct Reader {
        var at: UnsafeRawPointer
        let end: UnsafeRawPointer
        /// True for each map that is open.
        var open: [Bool] = []

        init(at: UnsafeRawPointer, end: UnsafeRawPointer) {
            self.at = at
            self.end = end
        }

        mutating func item<Visitor: AnswerVisitor>(_ visitor: inout Visitor) {
            let tag = take(UInt8.self)
            let key = tag & Tag.keyed == 0 ? nil : text()
            switch tag & ~Tag.keyed {
            case Tag.int: visitor.int(Int64(bitPattern: take(UInt64.self)), key: key)
            case Tag.double: visitor.double(Double(bitPattern: take(UInt64.self)), key: key)
            case Tag.text: visitor.text(text(), key: key)
            case Tag.map:
                open.append(true)
                visitor.openMap(key: key)
            case Tag.array:
                open.append(false)
                visitor.openArray(key: key)
            default:
                if open.removeLast() { visitor.closeMap() } else { visitor.closeArray() }
            }
        }

        private mutating func take<Number: BitwiseCopyable>(_: Number.Type) -> Number {
            defer { at += MemoryLayout<Number>.size }
            return at.loadUnaligned(as: Number.self)
        }

        private mutating func text() -> Bytes {
            let count = Int(take(UInt32.self))
            defer { at += count }
            return Bytes(at.assumingMemoryBound(to: UInt8.self), count)
        }
    }
}
