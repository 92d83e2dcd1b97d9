import PluginKit

// Invariants: little endian, without padding; what is read may be cut off or wrong, and is nil then.

/// A row as bytes, for the spool: its table, then each column with the kind of its value and the value.
enum SpooledRow {
    private static let noText = UInt32.max

    /// Bytes that a row takes.
    static func size(_ table: apus_str, _ terms: UnsafeBufferPointer<apus_db_term>) -> Int {
        terms.reduce(8 + table.len) { $0 + 4 + $1.column.len + 5 + 8 + $1.value.str.len }
    }

    static func write(_ table: apus_str, _ terms: UnsafeBufferPointer<apus_db_term>, to out: inout Writer) {
        add(table, to: &out)
        add(UInt32(terms.count), to: &out)
        for term in terms {
            add(term.column, to: &out)
            out.add(byte: UInt8(truncatingIfNeeded: term.value.kind))
            switch Int(term.value.kind) {
            case APUS_DB_STRING, APUS_DB_BLOB:
                if term.value.str.isNull { add(noText, to: &out) } else { add(term.value.str, to: &out) }
            case APUS_DB_DOUBLE: add(term.value.real.bitPattern, to: &out)
            default: add(UInt64(bitPattern: term.value.num), to: &out)
            }
        }
    }

    private static func add(_ text: apus_str, to out: inout Writer) {
        add(UInt32(text.len), to: &out)
        out.add(text)
    }

    private static func add<Number: FixedWidthInteger>(_ number: Number, to out: inout Writer) {
        var rest = number
        for _ in 0..<Number.bitWidth / 8 {
            out.add(byte: UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    /// What the bytes say, with texts that point into them.
    static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> (table: apus_str, terms: [apus_db_term])? {
        var rest = apus_str(start: bytes.baseAddress, count: bytes.count)
        guard let table = text(&rest), let count = number(&rest, UInt32.self), count <= 1000 else { return nil }
        var terms: [apus_db_term] = []
        for _ in 0..<count {
            guard let column = text(&rest), rest.len > 0 else { return nil }
            var value = apus_db_value()
            value.kind = UInt32(rest[0])
            rest = rest.dropFirst(1)
            switch Int(value.kind) {
            case APUS_DB_STRING, APUS_DB_BLOB:
                guard let text = optionalText(&rest) else { return nil }
                value = apus_db_text(text)
            case APUS_DB_DOUBLE:
                guard let bits = number(&rest, UInt64.self) else { return nil }
                value.real = Double(bitPattern: bits)
            default:
                guard let bits = number(&rest, UInt64.self) else { return nil }
                value.num = Int64(bitPattern: bits)
            }
            terms.append(apus_db_term(column: column, comparison: 0, reserved: 0, value: value))
        }
        return rest.isEmpty ? (table, terms) : nil
    }

    private static func number<Number: FixedWidthInteger>(_ rest: inout apus_str, _ type: Number.Type) -> Number? {
        let size = Number.bitWidth / 8
        guard rest.len >= size else { return nil }
        var number: Number = 0
        for index in (0..<size).reversed() { number = number << 8 | Number(truncatingIfNeeded: rest[index]) }
        rest = rest.dropFirst(size)
        return number
    }

    private static func text(_ rest: inout apus_str) -> apus_str? {
        guard let text = optionalText(&rest), !text.isNull else { return nil }
        return text
    }

    private static func optionalText(_ rest: inout apus_str) -> apus_str? {
        guard let length = number(&rest, UInt32.self) else { return nil }
        if length == noText { return apus_str() }
        guard length <= rest.len else { return nil }
        if length == 0 { return "" }
        defer { rest = rest.dropFirst(Int(length)) }
        return rest[0..<Int(length)]
    }
}
