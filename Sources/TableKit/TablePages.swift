import PluginKit

// Invariants: in `start` or on an offload thread, which waits; a page lives for the call that brings it.

/// What the reading of a table has come to; it lives while the reader waits.
private final class PageReading {
    let body: (UnsafePointer<apus_db_result>) throws(ReadFault) -> Void
    var fault: ReadFault?

    init(_ body: @escaping (UnsafePointer<apus_db_result>) throws(ReadFault) -> Void) { self.body = body }
}

extension UnsafePointer<apus_host> {
    /// Rows to a page.
    private static var pageSize: UInt32 { 500 }

    /// [start] [offload] Shows a table, page by page.
    /// - Parameters:
    ///   - columns: nil: all that it has.
    ///   - name: of the table, for people; nil: its own.
    public func pages(
        of table: apus_str, _ columns: ColumnList?, in db: OpaquePointer, called name: String? = nil,
        _ body: (UnsafePointer<apus_db_result>) throws(ReadFault) -> Void
    ) throws(ReadFault) {
        let fault = withoutActuallyEscaping(body) { body -> ReadFault? in
            pages(of: table, columns, in: db, name ?? "table \(table.string)", PageReading(body))
        }
        if let fault { throw fault }
    }

    private func pages(
        of table: apus_str, _ columns: ColumnList?, in db: OpaquePointer, _ name: String, _ reading: PageReading
    ) -> ReadFault? {
        var request = apus_db_request()
        request.size = UInt32(MemoryLayout<apus_db_request>.size)
        request.kind = UInt32(APUS_DB_SELECT)
        request.table = table
        request.columns = columns?.start
        request.column_count = UInt32(columns?.count ?? 0)
        var result: UnsafePointer<apus_db_result>?
        let status = withUnsafePointer(to: request) { request in
            var work = apus_db_work(
                size: UInt32(MemoryLayout<apus_db_work>.size), count: 1, requests: request, key: 0, milliseconds: 0,
                reserved: 0)
            return pointee.db.pointee.pages(
                db, &work, Self.pageSize,
                { page, user in
                    let reading = Unmanaged<PageReading>.fromOpaque(user.unsafelyUnwrapped).takeUnretainedValue()
                    do throws(ReadFault) { try reading.body(page) } catch {
                        reading.fault = error
                        return .false
                    }
                    return .true
                }, Unmanaged.passUnretained(reading).toOpaque(), &result)
        }
        defer { pointee.db.pointee.free(result) }
        if let fault = reading.fault { return fault }
        guard status != CInt(APUS_OK) else { return nil }
        let why = result.map { $0.pointee.text.string } ?? ""
        return ReadFault("\(name): \(why.isEmpty ? "status \(status)" : why)")
    }
}
