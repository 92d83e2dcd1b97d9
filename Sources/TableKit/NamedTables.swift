import PluginKit

// Invariants: lives for ever. `note` runs in a `prepare`: before `start` on the main thread; later, for a reload, it only reads what `check` has left.

/// Tables that scripts name where they call functions: `start` checks their versions.
public struct NamedTables: @unchecked Sendable {
    private struct Noted {
        var names: [String] = []
        var isChecked = false
    }

    private let noted: UnsafeMutablePointer<Noted>

    /// [declare]
    public init() { noted = permanent(Noted()) }

    /// In a `prepare`: the constant is the name of a table. Those that a reload brings are not looked at: nobody may wait then.
    public func note(_ name: apus_str) {
        guard !noted.pointee.isChecked else { return }
        let name = name.string
        if !noted.pointee.names.contains(name) { noted.pointee.names.append(name) }
    }

    /// [start] False with the reason in the log.
    public func check(_ host: Host, _ db: OpaquePointer, version: Int32) -> Bool {
        noted.pointee.isChecked = true
        return noted.pointee.names.allSatisfy { name in
            var name = name
            return name.withUTF8 {
                let text = apus_str(start: $0.baseAddress, count: $0.count)
                return host.pointee.db.pointee.check_version(db, text, version) == CInt(APUS_OK)
            }
        }
    }
}
