/// Collects instructions, with the place each was written at and the height of the stack.
struct Emitter {
    private(set) var code: [Instruction] = []
    private(set) var positions: [ProgramImage.Position] = []
    private(set) var files: [String] = []
    private var fileNumbers: [String: UInt32] = [:]
    /// Values on the stack at this place of the current route, and the most there were.
    private(set) var height = 0
    private(set) var maximumHeight = 0
    /// Where the next instructions were written.
    private var position = ProgramImage.Position(file: 0, line: 0)

    /// A place in the code that jumps can name before it is known.
    struct Label {
        fileprivate let number: Int
    }

    private var labels: [Int32] = []
    private var pending: [(instruction: Int, label: Int)] = []
    /// The furthest place that a label names: no instruction before it may be merged with one behind it.
    private var lastPlaced: Int32 = -1

    /// The next instruction's index.
    var here: Int32 { Int32(code.count) }

    mutating func beginRoute() {
        height = 0
        maximumHeight = 0
    }

    /// From here on instructions belong to this place of the text.
    mutating func mark(_ range: SourceRange) {
        let place = range.written
        position = ProgramImage.Position(file: file(place.source.name), line: UInt32(clamping: place.line))
    }

    /// File and line for tables that know their own place.
    mutating func place(_ range: SourceRange) -> ProgramImage.Position {
        let written = range.written
        return ProgramImage.Position(file: file(written.source.name), line: UInt32(clamping: written.line))
    }

    private mutating func file(_ name: String) -> UInt32 {
        if let known = fileNumbers[name] { return known }
        let number = UInt32(files.count)
        files.append(name)
        fileNumbers[name] = number
        return number
    }

    /// - Parameter effect: values pushed less values popped.
    mutating func emit(_ opcode: Opcode, a: UInt8 = 0, c: Int32 = 0, effect: Int) {
        emit(Instruction(opcode, a: a, c: c), effect: effect)
    }

    private mutating func emit(_ instruction: Instruction, effect: Int) {
        code.append(instruction)
        positions.append(position)
        height += effect
        maximumHeight = max(maximumHeight, height)
    }

    // MARK: Jumps

    mutating func makeLabel() -> Label {
        labels.append(-1)
        return Label(number: labels.count - 1)
    }

    /// The label is here.
    mutating func place(_ label: Label) {
        labels[label.number] = here
        lastPlaced = here
    }

    mutating func jump(_ opcode: Opcode, to label: Label, effect: Int = 0) {
        var instruction = Instruction(opcode)
        if opcode == .jumpIfTrue || opcode == .jumpIfFalse, let (merged, count) = merged(opcode) {
            instruction = merged
            code.removeLast(count)
            positions.removeLast(count)
        }
        pending.append((code.count, label.number))
        emit(instruction, effect: effect)
    }

    /// What was just emitted and a jump by its result as one instruction, which most conditions of scripts become.
    /// - Returns: the instruction, and how many of the last ones it stands for; nil when they stay on their own.
    private func merged(_ jump: Opcode) -> (Instruction, count: Int)? {
        guard lastPlaced < here, let last = code.last, let table = UInt16(exactly: last.c) else { return nil }
        let a = last.a | (jump == .jumpIfTrue ? Comparison.jumpsIfTrue : 0)
        switch last.opcode {
        case .equalConstant:
            if code.count > 1, code[code.count - 2].opcode == .duplicate, lastPlaced < here - 1 {
                return (Instruction(.caseJump, a: a, b: table), 2)
            }
            return (Instruction(.equalJump, a: a, b: table), 1)
        case .matchConstant: return (Instruction(.matchJump, a: a, b: table), 1)
        case .defined: return (Instruction(.definedJump, a: a), 1)
        default: return nil
        }
    }

    /// After a jump away the code goes on with the stack as it was at some other place.
    mutating func setHeight(_ value: Int) {
        height = value
        maximumHeight = max(maximumHeight, value)
    }

    /// Puts the labels' places into the jumps.
    mutating func patch() {
        for (instruction, label) in pending { code[instruction].c = labels[label] }
        pending.removeAll()
    }
}
