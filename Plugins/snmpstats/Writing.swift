import CNetSNMP

/// A value that a manager wants to set.
enum NewValue: Equatable {
    case integer(Int)
    case octets([UInt8])
    /// Of a type that nothing here has.
    case other
}

/// Why a manager may not set something: SNMPv2's error-status (RFC 3416 section 3).
enum Refusal: CInt, Error {
    case wrongType = 7
    case wrongLength = 8
    case wrongValue = 10
    case noCreation = 11
    case inconsistentValue = 12
    case resourceUnavailable = 13
    case notWritable = 17
    case inconsistentName = 18
}

/// RowStatus (RFC 2579).
enum RowStatus: Int {
    case active = 1
    case notInService, notReady, createAndGo, createAndWait, destroy

    /// What a manager may ask for here: rows are made at once or not at all.
    init(asked value: NewValue) throws(Refusal) {
        guard case .integer(let number) = value else { throw .wrongType }
        // notReady is what a row is, never what one makes of it.
        guard let status = RowStatus(rawValue: number), status != .notReady else { throw .wrongValue }
        self = status
    }
}

/// A table in which managers make rows. Agent thread only.
protocol WritableTable: AnyObject {
    /// Whether such a value can be set at all: its type, its length, and whether there may be such a row.
    func check(_ column: UInt32, at index: Path, _ value: NewValue) throws(Refusal)
    /// Whether all that is to be set in a row at once fits together and to what is there.
    func check(_ index: Path, _ values: [UInt32: NewValue]) throws(Refusal)
    /// Sets it; answers what undoes it.
    func set(_ index: Path, _ values: [UInt32: NewValue]) -> () -> Void
}

/// One row of a SET request.
struct RowChange {
    let table: any WritableTable
    let index: Path
    var values: [UInt32: NewValue]
}
