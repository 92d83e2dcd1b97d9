import PluginAPI

/// SQL of a request in the way of one driver, with what stands for its placeholders. The values are borrowed from the request.
struct SQLText {
    private(set) var bytes: [UInt8] = []
    private(set) var values: [apus_db_value] = []
    private let flags: UInt32

    typealias Fault = DatabaseFault

    /// What a request becomes.
    enum Plan {
        case one(SQLText)
        /// In a transaction: the first; when that has changed no row, the second.
        case firstElse(SQLText, SQLText)
        /// In a transaction: both.
        case both(SQLText, SQLText)
    }

    private init(_ flags: UInt32) { self.flags = flags }

    /// - Parameter flags: the driver's.
    static func plan(_ request: apus_db_request, flags: UInt32) throws(DatabaseFault) -> Plan {
        if Int(request.kind) != APUS_DB_RAW, request.table.len == 0 { throw Fault(APUS_FAILED, "no table is named") }
        switch Int(request.kind) {
        case APUS_DB_SELECT: return .one(try select(request, flags))
        case APUS_DB_INSERT: return .one(try insert(request, flags, "INSERT"))
        case APUS_DB_UPDATE: return .one(try update(request, flags))
        case APUS_DB_DELETE: return .one(try delete(request, flags))
        case APUS_DB_REPLACE:
            if flags & UInt32(APUS_DB_CAN_REPLACE) != 0 { return .one(try insert(request, flags, "REPLACE")) }
            var old = SQLText(flags)
            old.add("DELETE FROM ")
            old.add(name: request.table)
            try old.addConditions(divide(request).keys, any: false)
            return .both(old, try insert(request, flags, "INSERT"))
        case APUS_DB_UPSERT: return try upsert(request, flags)
        case APUS_DB_RAW:
            var text = SQLText(flags)
            text.add(request.sql)
            text.values = Array(UnsafeBufferPointer(start: request.values, count: Int(request.value_count)))
            if text.bytes.isEmpty { throw Fault(APUS_FAILED, "there is no SQL") }
            return .one(text)
        default: throw Fault(APUS_FAILED, "\(request.kind) is no kind of request")
        }
    }

    /// Words that have no values.
    static func words(_ text: String) -> SQLText {
        var made = SQLText(0)
        made.add(text)
        return made
    }

    // MARK: - Kinds

    private static func select(_ request: apus_db_request, _ flags: UInt32) throws(DatabaseFault) -> SQLText {
        var text = SQLText(flags)
        let columns = UnsafeBufferPointer(start: request.columns, count: Int(request.column_count))
        let isDistinct = request.flags & UInt32(APUS_DB_DISTINCT) != 0 && !columns.isEmpty
        if request.flags & UInt32(APUS_DB_COUNT) != 0 {
            text.add("SELECT COUNT(*) FROM ")
            if isDistinct {
                text.add("(SELECT DISTINCT ")
                text.add(names: columns)
                text.add(" FROM ")
            }
            text.add(name: request.table)
            try text.addWhere(request)
            if isDistinct { text.add(") AS counted") }
            return text
        }
        text.add(isDistinct ? "SELECT DISTINCT " : "SELECT ")
        if columns.isEmpty { text.add("*") } else { text.add(names: columns) }
        text.add(" FROM ")
        text.add(name: request.table)
        try text.addWhere(request)
        let order = UnsafeBufferPointer(start: request.order, count: Int(request.order_count))
        for (index, column) in order.enumerated() {
            text.add(index == 0 ? " ORDER BY " : ", ")
            text.add(name: column)
            if request.flags & UInt32(APUS_DB_DESCENDING) != 0 { text.add(" DESC") }
        }
        if request.limit > 0 { text.add(" LIMIT \(request.limit)") }
        return text
    }

    private static func insert(
        _ request: apus_db_request, _ flags: UInt32, _ verb: String
    ) throws(DatabaseFault) -> SQLText {
        let sets = try sets(request)
        var text = SQLText(flags)
        text.add("\(verb) INTO ")
        text.add(name: request.table)
        text.add(" (")
        for (index, term) in sets.enumerated() {
            if index > 0 { text.add(", ") }
            text.add(name: term.column)
        }
        text.add(") VALUES (")
        for (index, term) in sets.enumerated() {
            if index > 0 { text.add(", ") }
            text.add(value: term.value)
        }
        text.add(")")
        return text
    }

    private static func update(_ request: apus_db_request, _ flags: UInt32) throws(DatabaseFault) -> SQLText {
        let sets = try sets(request)
        var text = SQLText(flags)
        text.add("UPDATE ")
        text.add(name: request.table)
        for (index, term) in sets.enumerated() {
            text.add(index == 0 ? " SET " : ", ")
            text.add(name: term.column)
            text.add(" = ")
            text.add(value: term.value)
        }
        try text.addWhere(request)
        return text
    }

    private static func delete(_ request: apus_db_request, _ flags: UInt32) throws(DatabaseFault) -> SQLText {
        var text = SQLText(flags)
        text.add("DELETE FROM ")
        text.add(name: request.table)
        try text.addWhere(request)
        return text
    }

    private static func upsert(_ request: apus_db_request, _ flags: UInt32) throws(DatabaseFault) -> Plan {
        let (keys, others) = try divide(request)
        let onConflict = flags & UInt32(APUS_DB_ON_CONFLICT) != 0
        guard onConflict || flags & UInt32(APUS_DB_ON_DUPLICATE) != 0 else {
            let row = try insert(request, flags, "INSERT")
            var change = SQLText(flags)
            change.add("UPDATE ")
            change.add(name: request.table)
            // Of a row that is its keys alone nothing changes; whether it is there is what counts.
            for (index, term) in (others.isEmpty ? keys : others).enumerated() {
                change.add(index == 0 ? " SET " : ", ")
                change.add(name: term.column)
                change.add(" = ")
                change.add(value: term.value)
            }
            try change.addConditions(keys, any: false)
            return .firstElse(change, row)
        }
        var text = try insert(request, flags, "INSERT")
        if onConflict {
            text.add(" ON CONFLICT (")
            for (index, term) in keys.enumerated() {
                if index > 0 { text.add(", ") }
                text.add(name: term.column)
            }
            text.add(others.isEmpty ? ") DO NOTHING" : ") DO UPDATE")
        } else {
            text.add(" ON DUPLICATE KEY UPDATE")
        }
        let changed = others.isEmpty && !onConflict ? [keys[0]] : others
        for (index, term) in changed.enumerated() {
            text.add(index > 0 ? ", " : onConflict ? " SET " : " ")
            text.add(name: term.column)
            text.add(onConflict ? " = excluded." : " = VALUES(")
            text.add(name: term.column)
            if !onConflict { text.add(")") }
        }
        return .one(text)
    }

    // MARK: - Parts of requests

    private static func sets(_ request: apus_db_request) throws(DatabaseFault) -> UnsafeBufferPointer<apus_db_term> {
        guard request.set_count > 0, request.sets != nil else { throw Fault(APUS_FAILED, "no column is set") }
        return UnsafeBufferPointer(start: request.sets, count: Int(request.set_count))
    }

    /// What is set, keys and others apart.
    private static func divide(
        _ request: apus_db_request
    ) throws(DatabaseFault) -> (keys: [apus_db_term], others: [apus_db_term]) {
        let names = UnsafeBufferPointer(start: request.keys, count: Int(request.key_count))
        let sets = try sets(request)
        let keys = sets.filter { term in names.contains { $0.bytes == term.column.bytes } }
        guard !names.isEmpty, keys.count == names.count else {
            throw Fault(APUS_FAILED, "the keys are not among the columns that are set")
        }
        return (keys, sets.filter { term in !names.contains { $0.bytes == term.column.bytes } })
    }

    private mutating func addWhere(_ request: apus_db_request) throws(DatabaseFault) {
        let terms = UnsafeBufferPointer(start: request.where, count: Int(request.where_count))
        try addConditions(Array(terms), any: request.flags & UInt32(APUS_DB_ANY) != 0)
    }

    private mutating func addConditions(_ terms: [apus_db_term], any: Bool) throws(DatabaseFault) {
        for (index, term) in terms.enumerated() {
            add(index == 0 ? " WHERE " : any ? " OR " : " AND ")
            add(name: term.column)
            let isNull = Int(term.value.kind) == APUS_DB_NULL
            switch Int(term.comparison) {
            case APUS_DB_EQUAL where isNull: add(" IS NULL")
            case APUS_DB_NOT_EQUAL where isNull: add(" IS NOT NULL")
            case APUS_DB_HAS_BITS:
                add(" & ")
                add(value: term.value)
                add(" <> 0")
            case let comparison:
                guard SQLText.signs.indices.contains(comparison) else {
                    throw Fault(APUS_FAILED, "\(comparison) is no comparison")
                }
                add(SQLText.signs[comparison])
                add(value: term.value)
            }
        }
    }

    /// By APUS_DB_EQUAL ... APUS_DB_LIKE.
    private static let signs = [" = ", " <> ", " < ", " <= ", " > ", " >= ", " LIKE "]

    // MARK: - Words

    private mutating func add(_ text: String) { bytes += Array(text.utf8) }
    private mutating func add(_ text: apus_str) {
        if let start = text.s { bytes += UnsafeRawBufferPointer(start: start, count: text.len) }
    }

    private mutating func add(names: UnsafeBufferPointer<apus_str>) {
        for (index, name) in names.enumerated() {
            if index > 0 { add(", ") }
            add(name: name)
        }
    }

    /// Quoted, so that it is a name whatever it holds.
    private mutating func add(name: apus_str) {
        let quote = UInt8(ascii: flags & UInt32(APUS_DB_BACKTICKS) != 0 ? "`" : "\"")
        bytes.append(quote)
        for byte in UnsafeRawBufferPointer(start: name.s, count: name.s == nil ? 0 : name.len) {
            if byte == quote { bytes.append(quote) }
            bytes.append(byte)
        }
        bytes.append(quote)
    }

    private mutating func add(value: apus_db_value) {
        values.append(value)
        add(flags & UInt32(APUS_DB_DOLLAR) != 0 ? "$\(values.count)" : "?")
    }
}
