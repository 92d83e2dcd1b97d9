import PluginAPI

// Invariants: made on the main thread before the workers start. `value` and the instances are the management thread's from then on; everything else
// is constant. Texts of values live for ever.

/// A parameter whose value may change while the server runs: a module's, one of the core's, or one of the script's own.
final class ChangeableParameter: @unchecked Sendable {
    let group: String
    let name: String
    let doc: String
    let isNumber: Bool
    /// Of numbers; nil: any.
    let range: ClosedRange<Int64>?
    /// A text is one of these; empty: any.
    let words: [String]
    /// It is shown, and stays what it was at the start.
    let isFixed: Bool
    /// [worker] Puts a value in force there; nil for what only scripts read.
    var apply: (@Sendable (apus_value) -> Void)?
    /// [start] The value in force when all modules have started.
    let read: @Sendable () -> apus_value
    /// [any] The value in force that a value of the config stands for; nil when that cannot be told while the server runs.
    let reading: @Sendable (apus_value) -> apus_value?
    /// What operators have set it to.
    var value = apus_value.null
    /// When the server started.
    var initial = apus_value.null
    /// [worker] Modules that go by it; added on the main thread before the workers start.
    var followers: [@Sendable (apus_value) -> Void] = []
    let permanent: (group: Bytes, name: Bytes, doc: Bytes)

    init(
        group: String, name: String, doc: String, isNumber: Bool, range: ClosedRange<Int64>?,
        words: [String] = [], isFixed: Bool = false, apply: (@Sendable (apus_value) -> Void)?,
        read: @escaping @Sendable () -> apus_value,
        reading: @escaping @Sendable (apus_value) -> apus_value? = { $0 }
    ) {
        self.group = group
        self.name = name
        self.doc = doc
        self.isNumber = isNumber
        self.range = range
        self.words = words
        self.isFixed = isFixed
        self.apply = apply
        self.read = read
        self.reading = reading
        permanent = (Bytes(permanent: group), Bytes(permanent: name), Bytes(permanent: doc))
    }

    /// What is wrong with a value for it, as the end of a sentence; nil when it fits.
    func mistake(in value: apus_value) -> String? {
        if isFixed { return "cannot change while the server runs" }
        if isNumber {
            guard !value.hasText else { return "is a number" }
            guard let range, !range.contains(value.num) else { return nil }
            return "is a number from \(range.lowerBound) to \(range.upperBound), not \(value.num)"
        }
        guard value.hasText else { return "is a text" }
        guard !words.isEmpty, !words.contains(value.str.string) else { return nil }
        return "is one of \(words.joined(separator: ", ")), not \"\(value.str.string)\""
    }

    /// [worker] Puts a value in force there.
    func takeEffect(_ value: apus_value) {
        apply?(value)
        for follower in followers { follower(value) }
    }
}

/// The name of a group as operators write it: `limits`, or `limits[7]` of an instance.
struct ConfigGroup: Equatable {
    let name: String
    /// Nil: the group itself.
    let instance: Int64?

    init(_ text: String) {
        if text.hasSuffix("]"), let open = text.firstIndex(of: "["), open > text.startIndex,
            let id = Int64(text[text.index(after: open)...].dropLast())
        {
            name = String(text[..<open])
            instance = id
        } else {
            name = text
            instance = nil
        }
    }
}

/// All of them; each worker has a table of their values in this order, and one of what instances of groups have of their own.
final class ChangeableParameters {
    private(set) var all: [ChangeableParameter] = []
    private var numbers: [String: Int] = [:]
    /// Groups in the order of their first parameters: the place of a group is its number.
    private var groupNumbers: [String: UInt32] = [:]
    /// What instances have of their own, by group, id and the parameter's number. The management thread's once the server runs.
    private(set) var instances: [String: [Int64: [Int: apus_value]]] = [:]
    /// The same when the server started; constant then.
    private(set) var initialInstances: [String: [Int64: [Int: apus_value]]] = [:]
    private var shown: [Shown]?

    /// A parameter as operators see it: the group's own, or as an instance has it.
    struct Shown {
        let parameter: ChangeableParameter
        let number: Int
        let instance: Int64?
    }

    /// Instances that operators may add, of all groups: programs could add them for ever.
    static let instanceLimit = 65_536

    /// A later one of the same group and name takes the place of the first.
    func add(_ parameter: ChangeableParameter) {
        let key = parameter.group + "." + parameter.name
        if let known = numbers[key] {
            all[known] = parameter
        } else {
            numbers[key] = all.count
            all.append(parameter)
            if groupNumbers[parameter.group] == nil { groupNumbers[parameter.group] = UInt32(groupNumbers.count) }
        }
        shown = nil
    }

    /// Its place in the workers' tables; nil when there is none of that name.
    func number(_ group: String, _ name: String) -> Int? { numbers[group + "." + name] }

    /// By which a group's instances are found; nil when there is no such group.
    func groupNumber(_ group: String) -> UInt32? { groupNumbers[group] }

    /// The names in a group; nil when there is no such group.
    func names(in group: String) -> [String]? {
        let names = all.filter { $0.group == group }.map(\.name)
        return names.isEmpty ? nil : names
    }

    var groups: [String] { groupNumbers.keys.sorted() }

    // MARK: - Instances

    func hasInstance(_ group: String, _ id: Int64) -> Bool { instances[group]?[id] != nil }

    /// Of all groups.
    var instanceCount: Int { instances.values.reduce(0) { $0 + $1.count } }

    /// Nothing happens when it exists.
    func addInstance(_ group: String, _ id: Int64) {
        if hasInstance(group, id) { return }
        instances[group, default: [:]][id] = [:]
        shown = nil
    }

    /// False when there is none.
    func deleteInstance(_ group: String, _ id: Int64) -> Bool {
        shown = nil
        return instances[group]?.removeValue(forKey: id) != nil
    }

    /// Precondition: the instance exists.
    /// - Parameter value: null: the group's value again.
    func set(_ number: Int, of id: Int64, _ value: apus_value) {
        instances[all[number].group]?[id]?[number] = value.isNull ? nil : value
    }

    /// What an instance has, of its own or of its group.
    func value(_ number: Int, of id: Int64?) -> (value: apus_value, isOwn: Bool) {
        let own = id.flatMap { instances[all[number].group]?[$0]?[number] }
        return (own ?? all[number].value, own != nil)
    }

    /// What an instance had of its own when the server started; null: nothing.
    func initialValue(_ number: Int, of id: Int64) -> apus_value {
        initialInstances[all[number].group]?[id]?[number] ?? .null
    }

    /// The config says so; before the server runs.
    func declareInstance(_ group: String, _ id: Int64, _ number: Int, _ value: apus_value) {
        initialInstances[group, default: [:]][id, default: [:]][number] = value
        instances = initialInstances
        shown = nil
    }

    /// A copy for a worker.
    func makeTable() -> ConfigInstances {
        var found: [ConfigInstances.Instance] = []
        var values: [ConfigInstances.Value] = []
        for (group, members) in instances {
            guard let number = groupNumbers[group] else { continue }
            for (id, own) in members {
                found.append(ConfigInstances.Instance(group: number, id: id))
                for (number, value) in own {
                    values.append(ConfigInstances.Value(number: UInt32(number), id: id, value: value))
                }
            }
        }
        return ConfigInstances(found, values)
    }

    /// Those of a group together, the core's first; its instances behind it.
    var listed: [Shown] {
        if let shown { return shown }
        let sorted = all.enumerated().sorted {
            let (a, b) = ($0.element.group, $1.element.group)
            if a != b { return b != "core" && (a == "core" || a < b) }
            return $0.offset < $1.offset
        }.map { Shown(parameter: $0.element, number: $0.offset, instance: nil) }
        var list: [Shown] = []
        var place = 0
        while place < sorted.count {
            let group = sorted[place].parameter.group
            let members = sorted[place...].prefix { $0.parameter.group == group }
            list += members
            for id in (instances[group] ?? [:]).keys.sorted() {
                list += members.map { Shown(parameter: $0.parameter, number: $0.number, instance: id) }
            }
            place += members.count
        }
        shown = list
        return list
    }
}
