import PluginKit

// Invariants: the State is written before workers start and only read by them; what its pointers lead to lives for ever.

/// What the module keeps for the life of the server.
struct State {
    var tm: UnsafePointer<tm_api>?

    /// Numbers of flags; -1: unset.
    var logFlag: Int64 = -1
    var missedFlag: Int64 = -1
    var failedFlag: Int64 = -1
    /// SER's: negative replies of every accounted transaction.
    var failedTransactions: Int64 = 0
    var failedFilter = StatusSet()
    var earlyMedia: Int64 = 0
    /// -1: as the dialect has it.
    var reportAck: Int64 = -1
    var reportCancels: Int64 = 0
    var detectDirection: Int64 = 0
    /// `$rdir(id)`, when `detect_direction` is on.
    var direction: OpaquePointer?

    var level: Int64 = 1
    var facility: CInt = -1
    var form: Form?
    /// Letters of `log_fmt`, checked.
    var letters: apus_str = "miocfs"
    /// `$au`, when a letter asks for it.
    var digestUser: OpaquePointer?
    var extraText = apus_str()
    var extras = Extras()
    var legText = apus_str()
    var legs = Extras()
    var reasonHeader = apus_str()

    var timeMode: Int64 = 0
    var timeAttribute = apus_str()
    var timeExtension = apus_str()
    var timeFormat = apus_str()
    /// The same, ended with a NUL.
    var timeFormatText: UnsafePointer<CChar>?

    /// Numbers of flags for rows of the database; -1: unset.
    var dbFlag: Int64 = -1
    var dbMissedFlag: Int64 = -1
    var database = DatabaseSettings()
    /// What rows are written by; nil: there is no database.
    var rows: UnsafePointer<RowWriter>?
    /// Counters of rows.
    var writtenCounter: UInt32 = 0
    var lostCounter: UInt32 = 0
    var spooledCounter: UInt32 = 0

    /// Where parameters go that have no effect.
    var ignored: Int64 = 0

    /// How a line looks.
    enum Form {
        /// `timestamp=…;method=…;from_tag=…`
        case kamailio
        /// `method=…, i-uri=…`, the items of `log_fmt`
        case ser
    }

    var isSER: Bool { form == .ser }
    /// Some transaction may have to be reported.
    var followsTransactions: Bool { followsAll || missedFlag >= 0 || (rows != nil && dbMissedFlag >= 0) }
    /// Transactions of any method may have to be.
    var followsAll: Bool { logFlag >= 0 || (rows != nil && dbFlag >= 0) }
}

/// Status codes from 300 to 999.
struct StatusSet {
    private var words: [11 of UInt64] = InlineArray(repeating: 0)

    /// False when it is out of range.
    mutating func insert(_ status: Int64) -> Bool {
        guard 300...999 ~= status else { return false }
        words[Int(status - 300) / 64] |= 1 << UInt64((status - 300) % 64)
        return true
    }

    func contains(_ status: Int32) -> Bool {
        300...999 ~= status && words[Int(status - 300) / 64] & 1 << UInt64((status - 300) % 64) != 0
    }
}
