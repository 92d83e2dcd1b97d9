import Glibc
import PluginKit

// Invariants: the terms of a row lie in memory of the call's run.

/// Columns and values of one row.
struct Row {
    fileprivate let terms: UnsafeMutablePointer<apus_db_term>
    private let capacity: Int
    private(set) var count = 0

    /// Nil when the run's limit is reached.
    init?(_ call: Call, capacity: Int) {
        let bytes = capacity * MemoryLayout<apus_db_term>.stride
        guard let memory = call.host.pointee.script.pointee.allocate(call, bytes) else { return nil }
        terms = memory.bindMemory(to: apus_db_term.self, capacity: capacity)
        self.capacity = capacity
    }

    mutating func add(_ column: apus_str, _ value: apus_db_value) {
        guard count < capacity else { return }
        (terms + count).initialize(to: apus_db_term(column: column, comparison: 0, reserved: 0, value: value))
        count &+= 1
    }

    mutating func add(_ column: apus_str, text: apus_str) { add(column, apus_db_text(text.isNull ? "" : text)) }

    /// Columns at most: the form's with the time's three, those of the script and of a leg.
    static func most(_ settings: DatabaseSettings, _ legs: Extras) -> Int {
        SERColumns.count + 3 + settings.extras.count + legs.count
    }

    var list: UnsafeBufferPointer<apus_db_term> { UnsafeBufferPointer(start: UnsafePointer(terms), count: count) }

    /// Back to so many columns.
    mutating func cut(to count: Int) { self.count = count }
}

extension Report {
    /// A row about the call's message, or one for each leg.
    func writeRows(_ call: Call) {
        let settings = state.pointee.database
        guard let writer = state.pointee.rows else { return }
        let table: apus_str?
        switch kind {
        case .requested(let named): table = named
        case .missed: table = call.expand(settings.missedFormat)
        case .answered, .acknowledged: table = call.expand(settings.tableFormat)
        }
        let legs = state.pointee.legs
        guard let table, !table.isEmpty, var row = Row(call, capacity: Row.most(settings, legs)) else {
            return call.log(.error, "a row is lost: its table has no name, or there is no memory")
        }
        if state.pointee.isSER {
            addSERFields(call, settings.ser, &row)
        } else {
            addFields(call, settings, &row)
        }
        addTime(call, settings, &row)
        for index in 0..<settings.extras.count {
            let entry = settings.extras[index]
            row.add(entry.name, value(call, entry.variables[0], settings))
        }
        let whole = row.count
        var leg = 0
        repeat {
            row.cut(to: whole)
            for index in 0..<legs.count { row.add(legs[index].name, value(call, legs[index].variables[leg], settings)) }
            writer.insert(call.host, table, row)
            leg += 1
        } while leg < Extras.mostLegs && legs.hasLeg(leg, call)
    }

    private func addFields(_ call: Call, _ settings: DatabaseSettings, _ row: inout Row) {
        let message = call.message
        let tags = tags(message)
        row.add(settings.method, text: message.field(APUS_FIELD_METHOD_TEXT))
        row.add(settings.fromTag, text: tags.from)
        row.add(settings.toTag, text: tags.to)
        row.add(settings.callID, text: message.field(APUS_FIELD_CALL_ID))
        row.add(settings.code, text: call.codeText(code))
        row.add(settings.reason, text: reason)
    }

    private func addTime(_ call: Call, _ settings: DatabaseSettings, _ row: inout Row) {
        let own = state.pointee
        let seconds = Int64(time.tv_sec)
        row.add(settings.time, apus_db_number(UInt32(APUS_DB_DATETIME), seconds + settings.offset(time.tv_sec)))
        switch own.timeMode {
        case TimeMode.microseconds:
            row.add(own.timeAttribute, apus_db_number(UInt32(APUS_DB_INT), seconds))
            row.add(own.timeExtension, apus_db_number(UInt32(APUS_DB_INT), microseconds))
        case TimeMode.fraction:
            var value = apus_db_number(UInt32(APUS_DB_DOUBLE), 0)
            value.real = Double(seconds) + Double(microseconds / 1000) / 1000
            row.add(own.timeAttribute, value)
        case TimeMode.local, TimeMode.utc: row.add(own.timeAttribute, text: calendar(call))
        default: break
        }
    }

    private func value(_ call: Call, _ variable: OpaquePointer, _ settings: DatabaseSettings) -> apus_db_value {
        let text = call.text(of: variable)
        return apus_db_text(text ?? (settings.isNullable != 0 ? apus_str() : ""))
    }
}

extension DatabaseSettings {
    /// Seconds by which the column of times differs from UTC (`db_localtime`).
    fileprivate func offset(_ seconds: time_t) -> Int64 {
        guard isLocalTime != 0 else { return 0 }
        var seconds = seconds
        var parts = tm()
        localtime_r(&seconds, &parts)
        return Int64(parts.tm_gmtoff)
    }
}
