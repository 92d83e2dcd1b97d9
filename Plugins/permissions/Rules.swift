import AccessLists
import PluginKit
import TableKit

// Invariants: the steps of a rule stand one after the other, those of its parts in the order of Part; never changed once they are there. Of a script they lie
// in its memory and its expressions end with it; of a command they end with `end`.

/// The rules of a file, compiled.
struct Rules {
    private struct Step {
        let rule: Int32
        let part: Part
        /// Nil: any text.
        let regex: OpaquePointer?
    }

    /// What a rule asks of a pair of texts.
    private enum Part: UInt8 {
        case from, notFrom, to, notTo

        var bit: UInt8 { 1 << rawValue }
        var isException: Bool { self == .notFrom || self == .notTo }
    }

    private let steps: UnsafeMutablePointer<Step>?
    private let count: Int

    /// No rule at all.
    init() { (steps, count) = (nil, 0) }

    /// - Parameters:
    ///   - path: for people.
    ///   - allocate: room for so many bytes.
    ///   - compile: how long the expressions live.
    init(
        _ host: Host, _ rules: [RuleFile.Rule], _ path: String, allocate: (Int) -> UnsafeMutableRawPointer?,
        compile: Compilation
    ) throws(ReadFault) {
        var made: [Step] = []
        for (index, rule) in rules.enumerated() {
            let parts: [(Part, [RuleFile.Expression]?)] = [
                (.from, rule.from.expressions), (.notFrom, rule.from.exceptions), (.to, rule.to.expressions),
                (.notTo, rule.to.exceptions),
            ]
            for (part, expressions) in parts {
                guard let expressions else {
                    made.append(Step(rule: Int32(index), part: part, regex: nil))
                    continue
                }
                for expression in expressions {
                    do throws(ReadFault) {
                        let regex = try host.expression(expression.text, by: compile)
                        made.append(Step(rule: Int32(index), part: part, regex: regex))
                    } catch {
                        throw ReadFault("\(path):\(expression.line):\(expression.column): \(error.text)")
                    }
                }
            }
        }
        guard let memory = allocate(max(1, made.count * MemoryLayout<Step>.stride)) else {
            throw ReadFault("\(path): memory is out")
        }
        let steps = memory.bindMemory(to: Step.self, capacity: max(1, made.count))
        for (index, step) in made.enumerated() { (steps + index).initialize(to: step) }
        self.steps = steps
        count = made.count
    }

    /// Frees the expressions and the steps, where no script does.
    func end(_ host: Host) {
        guard let steps else { return }
        for index in 0..<count { host.pointee.regex.pointee.free(steps[index].regex) }
        steps.deallocate()
    }

    /// [any] Whether a rule matches.
    /// - Parameter doubt: what a search that was given up counts as in a rule that is met by it.
    func match(_ host: Host, _ from: apus_str, _ to: apus_str, doubt: Bool) -> Bool {
        guard let steps else { return false }
        let regex = host.pointee.regex
        var index = 0
        while index < count {
            let rule = steps[index].rule
            var hits: UInt8 = 0
            while index < count, steps[index].rule == rule {
                let step = steps[index]
                index &+= 1
                // What is known already, or cannot matter any more.
                if hits & step.part.bit != 0 || (step.part != .from && hits & Part.from.bit == 0) { continue }
                guard let own = step.regex else {
                    hits |= step.part.bit
                    continue
                }
                let text = step.part == .from || step.part == .notFrom ? from : to
                let found = regex.pointee.match(own, text, 0, nil, 0)
                if found > 0 || (found < 0 && doubt != step.part.isException) { hits |= step.part.bit }
            }
            if hits == Part.from.bit | Part.to.bit { return true }
        }
        return false
    }
}

/// A file that allows, and one that denies.
struct RulePair {
    let allow: Rules
    let deny: Rules

    /// Whether what the pairs of texts mean is allowed: every one by the file that allows, or else none denied by the other.
    struct Verdict {
        var isAllowed = true
        var isDenied = false

        var result: Bool { isAllowed || !isDenied }

        mutating func look(_ host: Host, _ allow: Rules, _ deny: Rules, _ from: apus_str, _ to: apus_str) {
            isAllowed = isAllowed && allow.match(host, from, to, doubt: false)
            isDenied = isDenied || deny.match(host, from, to, doubt: true)
        }
    }
}

/// Whether a file is read at all, by `load_backends`, and where it is.
enum RuleName {
    case allow
    case deny

    var isLoaded: Bool { state.pointee.loads(self == .allow ? Backend.allow : Backend.deny) }

    /// What belongs to a basename; without one the default.
    func file(_ basename: String?) -> String {
        let own = state.pointee
        guard let basename else { return (self == .allow ? own.allowFile : own.denyFile).string }
        return basename + (self == .allow ? own.allowSuffix : own.denySuffix).string
    }
}
