import PluginAPI

/// A program as text: one line an instruction, with what its operands mean. For people who look at what a script became.
struct Disassembler {
    private let image: ProgramImage

    init(_ program: Program) { image = program.image.pointee }

    var text: String {
        var out = ""
        var entries: [Int32: [Int]] = [:]
        for index in 0..<image.routeCount { entries[image.routes[index].entry, default: []].append(index) }
        var line: UInt32 = 0
        for pc in 0..<image.codeCount {
            for route in entries[Int32(pc)] ?? [] {
                out += "\(title(route)):\n"
                line = 0
            }
            let position = image.positions[pc]
            if position.line != line {
                line = position.line
                out += "  ; \(image.files[Int(position.file)].string):\(line)\n"
            }
            out += "\(Disassembler.pad(String(pc), 5))  \(instruction(image.code[pc]))\n"
        }
        return out
    }

    /// `request_route`, `route[RELAY]`
    private func title(_ index: Int) -> String {
        let route = image.routes[index]
        let kind = RouteKind.allCases.first { $0.mask == route.kind } ?? .request
        if route.name.len == 0 { return kind.keyword }
        switch kind {
        case .request: return "route[\(route.name.string)]"
        case .event, .local: return "event_route[\(route.name.string)]"
        case .branchFailure: return "event_route[tm:branch-failure:\(route.name.string)]"
        default: return "\(kind.keyword)[\(route.name.string)]"
        }
    }

    private func instruction(_ instruction: Instruction) -> String {
        let name = "\(instruction.opcode)"
        guard let operand = operand(instruction) else { return name }
        return "\(name)\(String(repeating: " ", count: max(1, 16 - name.utf8.count)))\(operand)"
    }

    private func operand(_ instruction: Instruction) -> String? {
        let c = Int(instruction.c)
        let mark = instruction.a == 1
        switch instruction.opcode {
        case .pushInt: return String(c)
        case .pushConstant: return value(image.constants[c])
        case .pushVariable, .pushRunVariable: return image.variables[c].text.string
        case .store:
            let leavesTruth = instruction.a & Storing.leavesTruth != 0
            return image.variables[c].text.string + (leavesTruth ? ", leaving its truth" : "")
        case .pushFormat: return format(image.formats[c])
        case .matchConstant: return "pattern \(c)" + (mark ? ", negated" : "")
        case .equalConstant: return value(image.constants[c]) + comparison(instruction)
        case .equalJump, .caseJump:
            return "\(value(image.constants[Int(instruction.b)]))\(comparison(instruction)) → \(c)"
        case .matchJump: return "pattern \(instruction.b)\(comparison(instruction)) → \(c)"
        case .definedJump: return comparison(instruction).dropFirst(2) + " → \(c)"
        case .defined: return mark ? "negated" : nil
        case .match: return mark ? "negated" : nil
        case .condition: return "condition \(c)" + (image.conditions[c].takesValue ? ", with a value" : "")
        case .jump, .jumpIfFalse, .jumpIfTrue, .countTurn: return "→ \(c)"
        case .call:
            let site = image.callSites[c]
            return
                "\(site.function.string) of \(site.module.string), \(site.argumentCount) arguments, \(site.stackCount) pushed"
        case .callRoute: return title(c)
        case .return, .exit, .drop: return mark ? "with a value" : String(c)
        case .pushTruth: return mark ? "raw" : nil
        default: return nil
        }
    }

    private func comparison(_ instruction: Instruction) -> String {
        var text = ""
        if instruction.a & Comparison.asInts != 0 { text += ", as integers" }
        if instruction.a & Comparison.asTexts != 0 { text += ", as texts" }
        if instruction.a & Comparison.negated != 0 { text += ", negated" }
        switch instruction.opcode {
        case .equalJump, .caseJump, .matchJump, .definedJump:
            return text + (instruction.a & Comparison.jumpsIfTrue != 0 ? ", if true" : ", if false")
        default: return text
        }
    }

    private func value(_ value: apus_value) -> String {
        if value.hasText { return "\"\(value.str.string)\"" }
        return value.hasInt ? String(value.num) : "$null"
    }

    private func format(_ format: CompiledFormat) -> String {
        var text = ""
        for index in 0..<format.count {
            let piece = format.pieces[index]
            text += piece.variable.map { $0.pointee.text.string } ?? piece.text.string
        }
        return "\"\(text)\""
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.utf8.count)) + text
    }
}
