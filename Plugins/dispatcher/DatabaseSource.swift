import Destinations
import PluginKit
import TableKit

// Invariants: as Source. The pool lives for ever; a page of rows lives for the call that brings it.

/// A table of destination sets.
struct DatabaseSource: @unchecked Sendable {
    private let pool: OpaquePointer
    private let table: apus_str
    private let columns: [apus_str]
    /// Names of attributes, and columns of their values.
    private let extra: [(attribute: String, column: String)]
    let name: String

    /// [start] Nil with the reason in the log.
    init?(_ host: Host, _ settings: Settings) {
        guard let pool = host.pointee.db.pointee.open(host, settings.databaseURL, nil) else { return nil }
        // Older versions have less columns; what is missing has its default.
        guard host.pointee.db.pointee.check_versions(pool, settings.table, 1, 4) == CInt(APUS_OK) else { return nil }
        self.pool = pool
        table = settings.table
        columns = [
            settings.setColumn, settings.uriColumn, settings.flagsColumn, settings.priorityColumn,
            settings.attributesColumn,
        ]
        var facts = apus_db_state()
        facts.size = UInt32(MemoryLayout<apus_db_state>.size)
        host.pointee.db.pointee.state(pool, &facts)
        name = "table \(settings.table.string) of \(facts.url.string)"
        var extra: [(String, String)] = []
        for piece in settings.extraAttributes.string.split(separator: ";") {
            let parts = piece.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                host.log(.error, "ds_db_extra_attrs: `\(piece)` is not written attribute=column")
                return nil
            }
            extra.append((parts[0], parts[1]))
        }
        self.extra = extra
    }

    /// What reading has come to.
    private struct Reading {
        let host: Host
        var preparing: Preparing
        var rows = 0
    }

    func read(_ host: Host) -> Source.Contents {
        var reading = Reading(host: host, preparing: Preparing(host, Source.Contents()))
        do throws(ReadFault) {
            // All columns: tables of older versions have less of them.
            try host.pages(of: table, nil, in: pool, called: name) { (page) throws(ReadFault) in
                try take(page, &reading)
            }
        } catch {
            var contents = reading.preparing.contents
            contents.failure = error.text
            return contents
        }
        return reading.preparing.contents
    }

    private func take(_ page: UnsafePointer<apus_db_result>, _ reading: inout Reading) throws(ReadFault) {
        let db = reading.host.pointee.db
        let places = columns.map { db.pointee.column(page, $0) }
        for required in 0..<2 where places[required] < 0 {
            throw ReadFault("\(name) has no column \(columns[required].string)")
        }
        let further = extra.map { pair in
            var column = pair.column
            return column.withUTF8 { db.pointee.column(page, apus_str(start: $0.baseAddress, count: $0.count)) }
        }
        for row in 0..<Int(page.pointee.row_count) {
            reading.rows += 1
            let place = "\(name), row \(reading.rows)"
            func value(_ column: Int32) -> apus_db_value? {
                column < 0 ? nil : page.pointee.values?[row * Int(page.pointee.column_count) + Int(column)]
            }
            func text(_ column: Int32) -> String { value(column)?.text ?? "" }
            func number(_ column: Int32) -> Int64? {
                guard var value = value(column) else { return nil }
                var number: Int64 = 0
                return db.pointee.number(&value, &number) > 0 ? number : nil
            }
            func number(_ index: Int, _ what: String) -> Int64 {
                if let number = number(places[index]) { return number }
                let text = text(places[index])
                if !text.isEmpty { reading.preparing.remark("\(place): \(what) a number, not `\(text)`: 0 is taken") }
                return 0
            }
            guard let set = number(places[0]).flatMap({ Int32(exactly: $0) }), set >= 0 else {
                throw ReadFault("\(place): the set's number is 0 to \(Int32.max), not `\(text(places[0]))`")
            }
            let uri = ListFile.withScheme(text(places[1]))
            var attributes = text(places[4])
            for (index, pair) in extra.enumerated() where !text(further[index]).isEmpty {
                attributes += "\(attributes.isEmpty ? "" : ";")\(pair.attribute)=\(text(further[index]))"
            }
            let flags = Condition(rawValue: UInt32(truncatingIfNeeded: number(2, "flags are")))
            let draft = Draft(
                set: set, uri: uri, flags: flags.intersection(.all),
                priority: Int32(clamping: number(3, "the priority is")), attributes: Attributes(attributes))
            for remark in draft.attributes.remarks { reading.preparing.remark("\(place): \(remark)") }
            reading.preparing.add(draft, place, draft.line)
        }
    }
}
