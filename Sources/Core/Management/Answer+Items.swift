// Invariants: Answer.swift writes what is read here. An AnswerView borrows an answer's bytes for as long as somebody is shown it; positions
// are those that `next` gave.

/// One step through an answer.
enum AnswerItem {
    case int(Int64)
    case double(Double)
    case text(Bytes)
    case map
    case array
    /// The end of the map or array that was opened last.
    case end
}

/// An answer, or a part of one, as a door walks through it.
struct AnswerView {
    let start: UnsafeRawPointer?
    let count: Int

    /// The item at a position, which is moved behind it; nil at the end. What it points to lives as long as the answer is shown.
    func next(_ position: inout Int) -> (item: AnswerItem, key: Bytes?)? {
        guard let start, position >= 0, position < count else { return nil }
        var at = start + position
        let tag = at.load(as: UInt8.self)
        at += 1
        let key = tag & Answer.Tag.keyed == 0 ? nil : AnswerView.text(&at)
        let item: AnswerItem
        switch tag & ~Answer.Tag.keyed {
        case Answer.Tag.int: item = .int(Int64(bitPattern: AnswerView.number(&at)))
        case Answer.Tag.double: item = .double(Double(bitPattern: AnswerView.number(&at)))
        case Answer.Tag.text: item = .text(AnswerView.text(&at))
        case Answer.Tag.map: item = .map
        case Answer.Tag.array: item = .array
        default: item = .end
        }
        position = at - start
        return (item, key)
    }

    private static func number(_ at: inout UnsafeRawPointer) -> UInt64 {
        defer { at += 8 }
        return at.loadUnaligned(as: UInt64.self)
    }

    private static func text(_ at: inout UnsafeRawPointer) -> Bytes {
        let count = Int(at.loadUnaligned(as: UInt32.self))
        defer { at += 4 + count }
        return Bytes((at + 4).assumingMemoryBound(to: UInt8.self), count)
    }
}

extension Answer {
    /// Shows what is there.
    func view<R>(_ body: (AnswerView) -> R) -> R {
        bytes.withUnsafeBytes { body(AnswerView(start: $0.baseAddress, count: $0.count)) }
    }
}
