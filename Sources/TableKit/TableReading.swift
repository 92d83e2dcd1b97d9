import PluginKit

// Invariants: in `start` or on an offload thread, which waits. A row and its texts live for the call that brings it.

/// Why a table, or a file, cannot be what is in force.
public struct ReadFault: Error {
    public let text: String

    public init(_ text: String) { self.text = text }
}

/// One row, with the columns that were asked for, in that order.
public struct TableRow {
    fileprivate let db: UnsafePointer<apus_db_api>
    fileprivate let values: UnsafePointer<apus_db_value>
    /// From 1.
    public let number: Int

    public func text(_ column: Int) -> String {
        let value = values[column]
        switch Int(value.kind) {
        case APUS_DB_NULL: return ""
        case APUS_DB_STRING, APUS_DB_BLOB: return value.str.string
        case APUS_DB_DOUBLE: return "\(value.real)"
        default: return "\(value.num)"
        }
    }

    /// Nil: it is none.
    public func number(_ column: Int) -> Int64? {
        var value = values[column]
        var number: Int64 = 0
        return db.pointee.number(&value, &number) > 0 ? number : nil
    }
}

/// A table that is read as a whole.
public struct TableReading: @unchecked Sendable {
    /// Rows to a page.
    private static let pageSize: UInt32 = 500

    public let db: OpaquePointer
    public let table: apus_str
    private let columns: ColumnList

    /// - Parameter table: lives for ever, as the columns do.
    public init(_ db: OpaquePointer, _ table: apus_str, _ columns: [apus_str]) {
        self.db = db
        self.table = table
        self.columns = ColumnList(columns)
    }

    private final class Progress {
        let api: UnsafePointer<apus_db_api>
        let body: (TableRow) throws(ReadFault) -> Void
        var rows = 0
        var fault: ReadFault?

        init(_ api: UnsafePointer<apus_db_api>, _ body: @escaping (TableRow) throws(ReadFault) -> Void) {
            (self.api, self.body) = (api, body)
        }
    }

    /// Shows every row.
    public func read(_ host: Host, _ body: (TableRow) throws(ReadFault) -> Void) throws(ReadFault) {
        let fault = withoutActuallyEscaping(body) { body -> ReadFault? in
            let progress = Progress(host.pointee.db, body)
            return read(host, progress)
        }
        if let fault { throw fault }
    }

    private func read(_ host: Host, _ progress: Progress) -> ReadFault? {
        var request = apus_db_request()
        request.size = UInt32(MemoryLayout<apus_db_request>.size)
        request.kind = UInt32(APUS_DB_SELECT)
        request.table = table
        request.columns = columns.start
        request.column_count = UInt32(columns.count)
        var result: UnsafePointer<apus_db_result>?
        let status = withUnsafePointer(to: request) { request in
            var work = apus_db_work(
                size: UInt32(MemoryLayout<apus_db_work>.size), count: 1, requests: request, key: 0, milliseconds: 0,
                reserved: 0)
            return host.pointee.db.pointee.pages(
                db, &work, TableReading.pageSize, TableReading.page, Unmanaged.passUnretained(progress).toOpaque(),
                &result)
        }
        defer { host.pointee.db.pointee.free(result) }
        if let fault = progress.fault { return fault }
        guard status != CInt(APUS_OK) else { return nil }
        let why = result.map { $0.pointee.text.string } ?? ""
        return ReadFault("table \(table.string): \(why.isEmpty ? "status \(status)" : why)")
    }

    private static let page: @convention(c) (UnsafePointer<apus_db_result>, UnsafeMutableRawPointer?) -> CInt = {
        page, user in
        let progress = Unmanaged<Progress>.fromOpaque(user.unsafelyUnwrapped).takeUnretainedValue()
        guard let values = page.pointee.values else { return .true }
        for row in 0..<Int(page.pointee.row_count) {
            progress.rows += 1
            do throws(ReadFault) {
                try progress.body(
                    TableRow(
                        db: progress.api, values: values + row * Int(page.pointee.column_count),
                        number: progress.rows))
            } catch {
                progress.fault = error
                return .false
            }
        }
        return .true
    }
}
