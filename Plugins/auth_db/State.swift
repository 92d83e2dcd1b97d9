import PluginKit
import TableKit

// Invariants: there is one State, allocated when the module is loaded and never freed. It is written on the main thread, while the module
// declares itself and starts, and only read by workers.

/// What the module keeps for the life of the server.
struct State {
    var settings = Settings()
    var auth: UnsafePointer<auth_api>?
    var db: OpaquePointer?
    /// What is read of a subscriber: the password's column first, then those of load_credentials. The second is for user names with a domain.
    var columns: ColumnList?
    var columnsWithDomain: ColumnList?
    /// For whoever need not give a password: the user's name stands in its place.
    var columnsOfOthers: ColumnList?
    /// Where the columns behind the first go.
    var variables: UnsafeMutablePointer<OpaquePointer>?
    var variableCount = 0
    /// Worker slot: its Cache, with cache_time.
    var cache: CInt = -1
    /// Tables that the script names, while the config is read for the first time; nil once the server has started.
    var tables: [String]? = []

    /// The module's state for functions that are handed nothing else. Set once, in `declare`.
    nonisolated(unsafe) static var shared: UnsafeMutablePointer<State>?
}

/// The parameters.
struct Settings {
    var url = apus_str()
    var user = apus_str()
    var domain = apus_str()
    var password = apus_str()
    var passwordWithDomain = apus_str()
    var isPlain: Int64 = 0
    var comparesDomains: Int64 = 0
    var credentials = apus_str()
    var loadsRPID: Int64 = 0
    var rpid = apus_str()
    var numbers = apus_str()
    var texts = apus_str()
    var checksVersion: Int64 = 0
    var alwaysLoads: Int64 = 0
    var cacheTime: Int64 = 0
}

/// Version of the table `subscriber`.
private let tableVersion: Int32 = 7

func declareParameters(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let parameters: [Parameter<Settings>] = [
        .databaseURL(\.url),
        .text("user_column", \.user, "username", doc: "Column of user names."),
        .text("domain_column", \.domain, "domain", doc: "Column of domains."),
        .text("password_column", \.password, "ha1", doc: "Column of HA1, or of passwords with calculate_ha1."),
        .text("plain_password_column", \.password, "ha1", doc: "The same as password_column."),
        .text("password_column_2", \.passwordWithDomain, "ha1b", doc: "Column of HA1 for user names with a domain."),
        .flag("calculate_ha1", \.isPlain, 0, doc: "1: the column has passwords, not HA1."),
        .flag("use_domain", \.comparesDomains, 0, doc: "1: users are looked up with their domain."),
        .text("load_credentials", \.credentials, doc: "Further columns and their variables: $avp(x)=a;b"),
        .flag("use_rpid", \.loadsRPID, 0, doc: "1: the column rpid_column is read, too, into $avp(rpid)."),
        .text("rpid_column", \.rpid, "rpid", doc: "Column of Remote-Party-ID."),
        .text("avps_column_int", \.numbers, doc: "Further columns, with | between them, for the AVPs of their names."),
        .text("avps_column_str", \.texts, doc: "The same as avps_column_int."),
        .flag("version_table", \.checksVersion, 1, doc: "1: the version of the tables is checked at the start."),
        .number(
            "cache_time", \.cacheTime, 0, 0...86400,
            doc: "Seconds that a right password is remembered; 0: the database is asked each time."),
        .flag("force_generate_avps", \.alwaysLoads, 0, doc: "1: load_credentials also of users with a wrong password."),
    ]
    host.declare(parameters, in: state.pointer(to: \.settings).unsafelyUnwrapped)
}

extension State {
    /// What the column has.
    var secretKind: UInt32 { UInt32(settings.isPlain != 0 ? AUTH_PASSWORD : AUTH_HA1) }
}

extension UnsafeMutablePointer<State> {
    /// [start] Once parameters are set.
    func start(_ host: Host) -> CInt {
        let settings = pointee.settings
        guard let auth = load_auth(host), readCredentials(host),
            let db = host.pointee.db.pointee.open(host, settings.url, nil)
        else { return .false }
        (pointee.auth, pointee.db) = (auth, db)
        if settings.cacheTime > 0, pointee.variableCount > 0 {
            host.log(.notice, "cache_time has no effect: the columns of load_credentials are read each time")
            pointee.settings.cacheTime = 0
        }
        let tables = pointee.tables ?? []
        pointee.tables = nil
        guard settings.checksVersion != 0 else { return .true }
        for var table in tables {
            let isRight = table.withUTF8 {
                let name = apus_str(start: $0.baseAddress, count: $0.count)
                return host.pointee.db.pointee.check_version(db, name, tableVersion) == APUS_OK
            }
            guard isRight else { return .false }
        }
        return .true
    }

    /// `$avp(x)=column;column`: without a variable the AVP has the column's name. SER's parameters name columns only.
    private func readCredentials(_ host: Host) -> Bool {
        var columns: [apus_str] = []
        var variables: [OpaquePointer] = []
        func take(_ column: apus_str, _ name: String) -> Bool {
            var name = name
            let variable = name.withUTF8 {
                host.pointee.vars.pointee.compile(host, apus_str(start: $0.baseAddress, count: $0.count))
            }
            guard let variable, !column.isEmpty else { return false }
            columns.append(column)
            variables.append(variable)
            return true
        }
        var rest = pointee.settings.credentials
        while let item = rest.next(UInt8(ascii: ";"))?.trimmed {
            guard !item.isEmpty else { continue }
            var (column, name) = (item, "$avp(\(item.string))")
            if let equals = item.index(of: UInt8(ascii: "=")) {
                name = item[0..<equals].trimmed.string
                column = item.dropFirst(equals + 1).trimmed
            }
            guard take(column, name) else {
                host.log(.error, "load_credentials: \"\(item.string)\" is not $avp(name)=column")
                return false
            }
        }
        if pointee.settings.loadsRPID != 0, !take(pointee.settings.rpid, "$avp(rpid)") { return false }
        for var list in [pointee.settings.numbers, pointee.settings.texts] {
            while let column = list.next(UInt8(ascii: "|"))?.trimmed {
                guard column.isEmpty || take(column, "$avp(\(column.string))") else { return false }
            }
        }
        pointee.columns = ColumnList([pointee.settings.password] + columns)
        pointee.columnsWithDomain = ColumnList([pointee.settings.passwordWithDomain] + columns)
        pointee.columnsOfOthers = ColumnList([pointee.settings.user] + columns)
        pointee.variables = State.keep(variables)
        pointee.variableCount = variables.count
        return true
    }
}

extension State {
    /// For ever.
    fileprivate static func keep<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
        let place = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
        for (index, element) in elements.enumerated() { (place + index).initialize(to: element) }
        return place
    }
}
