/// Expressions of constants.
extension Compiler {
    enum Constant: Hashable {
        case int(Int64)
        case text([UInt8])

        var isText: Bool {
            if case .text = self { return true }
            return false
        }
    }

    /// The value of an expression of constants; nil for all others, and for those that are wrong.
    func fold(_ expression: Expression) -> Constant? {
        switch expression.kind {
        case .number(let number): return .int(number)
        case .text(let text): return .text(text.bytes)
        case .unary(let operation, let operand):
            guard let constant = fold(operand) else { return nil }
            return fold(operation, constant)
        case .binary(let operation, let left, let right):
            guard let one = fold(left), let two = fold(right) else { return nil }
            return fold(operation, one, two)
        default: return nil
        }
    }

    private func fold(_ operation: Syntax.UnaryOperator, _ constant: Constant) -> Constant? {
        switch (operation, constant) {
        case (.not, .int(let number)): .int(number == 0 ? 1 : 0)
        case (.negate, .int(let number)): .int(0 &- number)
        case (.complement, .int(let number)): .int(~number)
        case (.toInteger, .int): constant
        case (.toString, .int(let number)): .text(Array(String(number).utf8))
        case (.toString, .text): constant
        default: nil
        }
    }

    private func fold(_ operation: Syntax.BinaryOperator, _ left: Constant, _ right: Constant) -> Constant? {
        if case .text(let one) = left {
            switch (operation, right) {
            case (.add, .text(let two)): return .text(one + two)
            case (.add, .int(let number)): return .text(one + Array(String(number).utf8))
            default: return nil
            }
        }
        guard case .int(let one) = left, case .int(let two) = right else { return nil }
        return Compiler.arithmetic(operation, one, two).map(Constant.int)
    }

    /// Wraps at 64 bits as the machine does.
    private static func arithmetic(_ operation: Syntax.BinaryOperator, _ a: Int64, _ b: Int64) -> Int64? {
        switch operation {
        case .or: a != 0 || b != 0 ? 1 : 0
        case .and: a != 0 && b != 0 ? 1 : 0
        case .bitOr: a | b
        case .bitAnd: a & b
        case .bitXor: a ^ b
        case .shiftLeft: (0...63).contains(b) ? a << b : 0
        case .shiftRight: (0...63).contains(b) ? a >> b : 0
        case .equal, .integerEqual: a == b ? 1 : 0
        case .notEqual, .integerNotEqual: a != b ? 1 : 0
        case .less: a < b ? 1 : 0
        case .greater: a > b ? 1 : 0
        case .lessOrEqual: a <= b ? 1 : 0
        case .greaterOrEqual: a >= b ? 1 : 0
        case .add: a &+ b
        case .subtract: a &- b
        case .multiply: a &* b
        case .divide: b == 0 ? nil : b == -1 ? 0 &- a : a / b
        case .modulo: b == 0 ? nil : b == -1 ? 0 : a % b
        case .matches, .matchesNot, .stringEqual, .stringNotEqual: nil
        }
    }
}
