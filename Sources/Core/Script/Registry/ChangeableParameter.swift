import PluginAPI

// Invariants: made on the main thread before the workers start. `value` is the management thread's from then on; everything else is constant.
// Texts of values live for ever.

/// A parameter whose value may change while the server runs: a module's, one of the core's, or one of the script's own.
final class ChangeableParameter: @unchecked Sendable {
    let group: String
    let name: String
    let doc: String
    let isNumber: Bool
    /// Of numbers; nil: any.
    let range: ClosedRange<Int64>?
    /// [worker] Puts a value in force there; nil for what only scripts read.
    let apply: (@Sendable (apus_value) -> Void)?
    /// [start] The value in force when all modules have started.
    let read: @Sendable () -> apus_value
    /// [any] The value in force that a value of the config stands for; nil when that cannot be told while the server runs.
    let reading: @Sendable (apus_value) -> apus_value?
    /// What operators have set it to.
    var value = apus_value.null
    /// When the server started.
    var initial = apus_value.null
    let permanent: (group: Bytes, name: Bytes, doc: Bytes)

    init(
        group: String, name: String, doc: String, isNumber: Bool, range: ClosedRange<Int64>?,
        apply: (@Sendable (apus_value) -> Void)?, read: @escaping @Sendable () -> apus_value,
        reading: @escaping @Sendable (apus_value) -> apus_value? = { $0 }
    ) {
        self.group = group
        self.name = name
        self.doc = doc
        self.isNumber = isNumber
        self.range = range
        self.apply = apply
        self.read = read
        self.reading = reading
        permanent = (Bytes(permanent: group), Bytes(permanent: name), Bytes(permanent: doc))
    }

    /// What is wrong with a value for it, as the end of a sentence; nil when it fits.
    func mistake(in value: apus_value) -> String? {
        if isNumber {
            guard !value.hasText else { return "is a number" }
            guard let range, !range.contains(value.num) else { return nil }
            return "is a number from \(range.lowerBound) to \(range.upperBound), not \(value.num)"
        }
        return value.hasText ? nil : "is a text"
    }
}

/// All of them; each worker has a table of their values in this order.
final class ChangeableParameters {
    private(set) var all: [ChangeableParameter] = []
    private var numbers: [String: Int] = [:]

    /// A later one of the same group and name takes the place of the first.
    func add(_ parameter: ChangeableParameter) {
        let key = parameter.group + "." + parameter.name
        if let known = numbers[key] {
            all[known] = parameter
        } else {
            numbers[key] = all.count
            all.append(parameter)
        }
    }

    /// Its place in the workers' tables; nil when there is none of that name.
    func number(_ group: String, _ name: String) -> Int? { numbers[group + "." + name] }

    /// The names in a group; nil when there is no such group.
    func names(in group: String) -> [String]? {
        let names = all.filter { $0.group == group }.map(\.name)
        return names.isEmpty ? nil : names
    }

    /// Instances of a group, `group[n]`: each once, or with a name those that have this parameter, with its number.
    func instances(of group: String, _ name: String? = nil) -> [ConfigInstances.Instance] {
        var found: [ConfigInstances.Instance] = []
        for (number, parameter) in all.enumerated()
        where parameter.group.hasPrefix(group + "[") && parameter.group.hasSuffix("]") {
            guard let id = Int64(parameter.group.dropFirst(group.utf8.count + 1).dropLast()),
                name == nil ? !found.contains(where: { $0.id == id }) : parameter.name == name
            else { continue }
            found.append(ConfigInstances.Instance(id: id, number: UInt32(number)))
        }
        return found
    }

    /// Those of a group together, the core's first.
    var sorted: [ChangeableParameter] {
        all.enumerated().sorted {
            let (a, b) = ($0.element.group, $1.element.group)
            if a != b { return b != "core" && (a == "core" || a < b) }
            return $0.offset < $1.offset
        }.map(\.element)
    }

    var groups: [String] { Array(Set(all.map(\.group))).sorted() }
}
