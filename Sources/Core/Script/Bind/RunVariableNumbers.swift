import PluginAPI

/// The numbers under which a run keeps its variables: `$var(x)` and `$vz(x)` share one, `$vn(x)` has another.
///
/// Modules may name further ones in parameters when the script is compiled already; some numbers are kept free for them.
final class RunVariableNumbers {
    private static let spare = 16

    /// By number: `var(x)` or `vn(x)`.
    private(set) var names: [String]
    private var numbers: [String: Int]
    /// What each variable is at the start of a run, once the table is made.
    private var defaults: UnsafeMutablePointer<apus_value>?
    private var limit = Int.max
    /// What a `$var` is at the start of a run when it is not 0, by name.
    private let initial: [String: apus_value]

    /// - Parameter names: those that have the numbers from 0 on.
    init(names: [String] = [], initial: [String: apus_value] = [:]) {
        self.names = names
        self.initial = initial
        numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }

    private init(_ other: RunVariableNumbers) {
        (names, numbers, initial, limit) = (other.names, other.numbers, other.initial, other.names.count)
    }

    /// The same names and no further ones.
    var asTheyAre: RunVariableNumbers { RunVariableNumbers(self) }

    /// Values that a run must have room for.
    var capacity: Int { names.count + RunVariableNumbers.spare }

    /// nil when all numbers are taken.
    func number(_ family: String, _ name: String) -> Int? {
        let isNull = family == "vn"
        let key = (isNull ? "vn" : "var") + "(\(name))"
        if let number = numbers[key] { return number }
        let number = names.count
        guard number < limit else { return nil }
        names.append(key)
        numbers[key] = number
        if let defaults { defaults[number] = atStart(key) }
        return number
    }

    /// Makes the table of values at the start of a run: 0, and null for `$vn`.
    func close(_ memory: ProgramMemory) -> UnsafeMutablePointer<apus_value> {
        let count = capacity
        var values = names.map(atStart)
        while values.count < count { values.append(.null) }
        let table = memory.table(values)
        defaults = table
        limit = count
        return table
    }

    private func atStart(_ key: String) -> apus_value {
        if key.hasPrefix("vn(") { return .null }
        return initial[String(key.dropFirst(4).dropLast())] ?? apus_value(0 as Int64)
    }
}
