import PluginAPI

// Invariants: a result is one DatabaseResult, allocated, whose first member is what users of the contract see; its texts lie in `chunks`, its names and
// values in memory of their own. It is filled in by one thread and constant from then on; whoever owns it frees it once.

/// Rows that a database has answered, and what the answer says.
struct DatabaseResult {
    /// First, so that a pointer to it is one to the whole.
    private(set) var facts: apus_db_result
    private var chunks: UnsafeMutablePointer<Chunk>?
    private var capacity = 0
    private var bytes = 0

    /// Bytes of rows that are kept for one result: larger tables are read in pages.
    static let limit = 256 << 20

    /// Memory for texts, behind this head.
    private struct Chunk {
        let next: UnsafeMutablePointer<Chunk>?
        let size: Int
        var used = 0
    }

    fileprivate init() {
        facts = apus_db_result()
        facts.size = UInt32(MemoryLayout<apus_db_result>.size)
    }

    // MARK: - Filling it in

    /// A row more; nil when there are too many bytes.
    fileprivate mutating func addRow() -> UnsafeMutablePointer<apus_db_value>? {
        let width = Int(facts.column_count)
        let used = Int(facts.row_count) * width
        if used + width > capacity {
            let larger = max(width * 8, capacity * 2)
            let moved = UnsafeMutablePointer<apus_db_value>.allocate(capacity: larger)
            if let values = UnsafeMutablePointer(mutating: facts.values) {
                moved.moveInitialize(from: values, count: used)
                values.deallocate()
            }
            facts.values = UnsafePointer(moved)
            capacity = larger
        }
        bytes += width * MemoryLayout<apus_db_value>.stride
        guard bytes <= DatabaseResult.limit, let values = UnsafeMutablePointer(mutating: facts.values) else {
            return nil
        }
        (values + used).initialize(repeating: apus_db_value(), count: width)
        facts.row_count += 1
        return values + used
    }

    /// A copy that lives as long as the result.
    fileprivate mutating func keep(_ text: apus_str) -> apus_str {
        guard let source = text.s else { return apus_str() }
        if chunks.map({ $0.pointee.size - $0.pointee.used < text.len }) ?? true {
            let size = max(text.len, chunks == nil ? 1024 : 64 << 10)
            let raw = UnsafeMutableRawPointer.allocate(
                byteCount: MemoryLayout<Chunk>.stride + size, alignment: MemoryLayout<Chunk>.alignment)
            let chunk = raw.bindMemory(to: Chunk.self, capacity: 1)
            chunk.initialize(to: Chunk(next: chunks, size: size))
            chunks = chunk
        }
        guard let chunk = chunks else { return apus_str() }
        let place = (UnsafeMutableRawPointer(chunk) + MemoryLayout<Chunk>.stride + chunk.pointee.used)
            .bindMemory(to: CChar.self, capacity: text.len)
        place.initialize(from: source, count: text.len)
        chunk.pointee.used += text.len
        bytes += text.len
        return apus_str(s: UnsafePointer(place), len: text.len)
    }

    fileprivate mutating func setNames(_ names: [apus_str]) {
        let place = UnsafeMutablePointer<apus_str>.allocate(capacity: max(1, names.count))
        for (index, name) in names.enumerated() { (place + index).initialize(to: keep(name)) }
        facts.names = UnsafePointer(place)
        facts.column_count = UInt32(names.count)
    }

    fileprivate mutating func freeParts() {
        UnsafeMutablePointer(mutating: facts.values)?.deallocate()
        UnsafeMutablePointer(mutating: facts.names)?.deallocate()
        while let chunk = chunks {
            chunks = chunk.pointee.next
            UnsafeMutableRawPointer(chunk).deallocate()
        }
    }

    fileprivate mutating func setOutcome(_ affected: Int64, _ id: Int64) {
        facts.affected = affected
        facts.id = id
    }

    fileprivate mutating func setText(_ text: String) {
        var text = text
        facts.text = text.withUTF8 { utf8 in
            keep(utf8.baseAddress.map { apus_str(Bytes($0, utf8.count)) } ?? apus_str())
        }
    }
}

extension UnsafeMutablePointer<DatabaseResult> {
    /// An empty one.
    static func make() -> UnsafeMutablePointer<DatabaseResult> {
        let result = UnsafeMutablePointer<DatabaseResult>.allocate(capacity: 1)
        result.initialize(to: DatabaseResult())
        return result
    }

    /// One that says why there is none.
    static func make(_ fault: DatabaseFault) -> UnsafeMutablePointer<DatabaseResult> {
        let result = make()
        result.pointee.setText(fault.text)
        return result
    }

    func free() {
        pointee.freeParts()
        deallocate()
    }

    /// As users of the contract see it.
    var facts: UnsafePointer<apus_db_result> { UnsafeRawPointer(self).assumingMemoryBound(to: apus_db_result.self) }

    func begin(columns names: [apus_str]) { pointee.setNames(names) }

    /// - Returns: false when it would become too large.
    func addRow(_ value: (UInt32, UnsafeMutablePointer<apus_db_value>) -> Void) -> Bool {
        guard let row = pointee.addRow() else { return false }
        for column in 0..<pointee.facts.column_count {
            let place = row + Int(column)
            value(column, place)
            if place.pointee.str.s != nil { place.pointee.str = pointee.keep(place.pointee.str) }
        }
        return true
    }

    func finish(affected: Int64, id: Int64) { pointee.setOutcome(affected, id) }
}

extension UnsafePointer<apus_db_result> {
    /// Frees a result that users have.
    func free() {
        UnsafeMutableRawPointer(mutating: self).assumingMemoryBound(to: DatabaseResult.self).free()
    }

    /// The column of that name, in any case.
    func column(_ name: apus_str) -> Int? {
        (0..<Int(pointee.column_count)).first { index in
            pointee.names?[index].bytes.equalsIgnoringCase(name.bytes) ?? false
        }
    }
}

extension apus_db_value {
    /// As a number; nil when it is none.
    var number: Int64? {
        switch Int(kind) {
        case APUS_DB_INT, APUS_DB_BIGINT, APUS_DB_DATETIME, APUS_DB_BITMAP: num
        case APUS_DB_DOUBLE: Int64(exactly: real.rounded(.towardZero))
        case APUS_DB_STRING, APUS_DB_BLOB:
            Int64(str.string)
        default: nil
        }
    }
}
