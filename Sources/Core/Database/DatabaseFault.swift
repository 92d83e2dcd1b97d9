import PluginAPI

/// Why work on a database failed.
struct DatabaseFault: Error, Equatable {
    /// A status of apus/base.h or apus/db.h.
    let status: Int32
    /// For logs: one line, without passwords.
    let text: String

    init(_ status: Int, _ text: String) {
        self.status = Int32(status)
        self.text = text
    }

    /// The connection is gone.
    var isLost: Bool { status == Int32(APUS_DB_DOWN) || status == Int32(APUS_DB_UNSENT) }

    /// Calls a function of a driver.
    /// - Returns: what it answers.
    /// - Throws: what it said, when it answers less than 0.
    static func check(_ body: (UnsafeMutablePointer<apus_db_fault>) -> CInt) throws(DatabaseFault) -> CInt {
        var fault = empty
        let answer = body(&fault)
        if answer < 0 { throw DatabaseFault(&fault) }
        return answer
    }

    /// Calls a function of a driver that makes something.
    static func make(
        _ body: (UnsafeMutablePointer<apus_db_fault>) -> UnsafeMutableRawPointer?
    ) throws(DatabaseFault) -> UnsafeMutableRawPointer {
        var fault = empty
        guard let made = body(&fault) else { throw DatabaseFault(&fault) }
        return made
    }

    private static var empty: apus_db_fault {
        var fault = apus_db_fault()
        fault.size = UInt32(MemoryLayout<apus_db_fault>.size)
        fault.status = Int32(APUS_FAILED)
        return fault
    }

    private static let known = [
        APUS_FAILED, APUS_TIMED_OUT, APUS_CANCELLED, APUS_DB_DOWN, APUS_DB_CONFLICT, APUS_DB_LOCKED, APUS_DB_UNSENT,
    ].map { Int32($0) }

    private init(_ fault: inout apus_db_fault) {
        status = DatabaseFault.known.contains(fault.status) ? fault.status : Int32(APUS_FAILED)
        let said = withUnsafeBytes(of: &fault.text) { text in
            String(decoding: text.prefix { $0 != 0 }.map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
        }
        text = said.isEmpty ? "the driver does not say why" : said
    }
}
