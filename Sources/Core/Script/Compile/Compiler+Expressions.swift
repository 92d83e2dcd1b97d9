import PluginAPI

/// Expressions.
extension Compiler {
    /// Emits code that pushes the value.
    @discardableResult
    func value(_ expression: Expression) -> StaticType {
        switch fold(expression) {
        case .int(let number)?:
            push(number)
            return .int
        case .text(let bytes)?:
            push(bytes)
            return .text
        case nil: break
        }
        switch expression.kind {
        case .variable(let syntax): return variable(syntax)
        case .select(let select): return self.select(select)
        case .unary(let operation, let operand): return unary(operation, operand, expression.range)
        case .binary(let operation, let left, let right): return binary(operation, left, right, expression.range)
        case .measure(let measure, let operand): return self.measure(measure, operand)
        case .choose(let condition, let first, let second): return choose(condition, first, second)
        case .call(let call):
            self.call(call)
            emitter.emit(.pushTruth, a: settings.returnMode == 1 ? 1 : 0, effect: 1)
            return settings.returnMode == 1 ? .int : .truth
        case .assign(let target, let value):
            assign(target, value, asValue: true)
            return .truth
        case .block(let body):
            statements(body.statements)
            emitter.emit(.pushTruth, effect: 1)
            return .truth
        case .condition(let condition): return self.condition(condition)
        case .uriPart, .host:
            diagnostics.error(
                "an address is no value", at: expression.range,
                hint: "as a text it stands in quotes: `\"\(expression.range.text)\"`")
            return nothing()
        // A bare word was reported by the parser.
        case .number, .text, .word, .invalid: return nothing()
        }
    }

    /// In the place of a value that was reported.
    private func nothing() -> StaticType {
        emitter.emit(.pushNull, effect: 1)
        return .open
    }

    private func variable(_ syntax: Syntax.Variable) -> StaticType {
        if Compiler.isNull(syntax) { return nothing() }
        guard let variable = binder.variable(syntax) else { return nothing() }
        ask(for: variable, at: syntax.range)
        let opcode: Opcode = CoreVariables.isRunVariable(variable) ? .pushRunVariable : .pushVariable
        emitter.emit(opcode, c: add(variable), effect: 1)
        return .open
    }

    static func isNull(_ syntax: Syntax.Variable) -> Bool {
        syntax.name.text == "null" && syntax.transformations.isEmpty
    }

    private static func isNull(_ expression: Expression) -> Bool {
        if case .variable(let syntax) = expression.kind { return isNull(syntax) }
        return false
    }

    /// `@a.b` is `$sel(a.b)`.
    private func select(_ select: Syntax.Select) -> StaticType {
        let name = Syntax.Name("sel", select.range)
        let inner = Syntax.Text(bytes: Array(select.range.text.utf8.dropFirst()), range: select.range)
        let syntax = Syntax.Variable(
            form: .call, name: name, inner: inner, index: nil, transformations: [], dialect: dialect,
            range: select.range)
        guard let variable = binder.variable(syntax) else { return nothing() }
        emitter.emit(.pushVariable, c: add(variable), effect: 1)
        return .open
    }

    // MARK: Unary

    private func unary(_ operation: Syntax.UnaryOperator, _ operand: Expression, _ range: SourceRange) -> StaticType {
        if operation == .not {
            truthOperand(operand)
            emitter.emit(.not, effect: 0)
            return .truth
        }
        let type = value(operand)
        switch operation {
        case .not: break
        case .negate:
            requireInt(type, operand)
            emitter.emit(.negate, effect: 0)
        case .complement:
            requireInt(type, operand)
            emitter.emit(.complement, effect: 0)
        case .defined:
            if type.isInt {
                diagnostics.error("`defined` asks for a variable; a number is always defined", at: operand.range)
            }
            emitter.emit(.defined, effect: 0)
            return .truth
        case .toInteger: emitter.emit(.toInt, effect: 0)
        case .toString:
            emitter.emit(.toText, effect: 0)
            return .text
        }
        return .int
    }

    /// Where a number is needed a constant text is a mistake; an open value is converted at run time.
    private func requireInt(_ type: StaticType, _ expression: Expression) {
        guard type == .text else { return }
        diagnostics.error("expected a number, not a string", at: expression.range, hint: "`(int)` converts")
    }

    private func measure(_ measure: Syntax.Measure, _ operand: Expression) -> StaticType {
        let type = value(operand)
        if type.isInt {
            diagnostics.error("`\(measure.rawValue)` takes a string", at: operand.range, hint: "`(str)` converts")
        }
        emitter.emit(measure == .strlen ? .textLength : .textEmpty, effect: 0)
        return measure == .strlen ? .int : .truth
    }

    private func choose(_ condition: Expression, _ first: Expression, _ second: Expression) -> StaticType {
        let otherwise = emitter.makeLabel()
        let end = emitter.makeLabel()
        branch(ifFalse: condition, to: otherwise)
        let height = emitter.height
        let one = value(first)
        emitter.jump(.jump, to: end)
        emitter.place(otherwise)
        emitter.setHeight(height)
        let two = value(second)
        emitter.place(end)
        if one == two { return one }
        return one.isInt && two.isInt ? .int : .open
    }

    // MARK: Binary

    private func binary(
        _ operation: Syntax.BinaryOperator, _ left: Expression, _ right: Expression, _ range: SourceRange
    ) -> StaticType {
        switch operation {
        case .or, .and: return logical(operation, left, right)
        case .equal, .notEqual, .stringEqual, .stringNotEqual, .integerEqual, .integerNotEqual:
            return comparison(operation, left, right, range)
        case .matches, .matchesNot: return match(left, right, negated: operation == .matchesNot)
        case .add: return add(left, right)
        default: return arithmetic(operation, left, right)
        }
    }

    private func logical(_ operation: Syntax.BinaryOperator, _ left: Expression, _ right: Expression) -> StaticType {
        let decided = emitter.makeLabel()
        let end = emitter.makeLabel()
        truthOperand(left)
        emitter.jump(operation == .or ? .jumpIfTrue : .jumpIfFalse, to: decided, effect: -1)
        truthOperand(right)
        emitter.emit(.truth, effect: 0)
        emitter.jump(.jump, to: end)
        emitter.place(decided)
        emitter.setHeight(emitter.height - 1)
        push(operation == .or ? 1 : 0 as Int64)
        emitter.place(end)
        return .truth
    }

    /// An operand of `!`, `&&` and `||`: any number but 0 is true.
    private func truthOperand(_ operand: Expression) {
        let type = value(operand)
        guard type != .truth else { return }
        requireInt(type, operand)
        equal(.int(0), Comparison.asInts | Comparison.negated)
    }

    private func comparison(
        _ operation: Syntax.BinaryOperator, _ left: Expression, _ right: Expression, _ range: SourceRange
    ) -> StaticType {
        let negated = operation == .notEqual || operation == .stringNotEqual || operation == .integerNotEqual
        if Compiler.isNull(right) {
            // Asks whether there is a value at all.
            if value(left).isInt { diagnostics.warning("a number is never `$null`", at: range) }
            emitter.emit(.defined, a: negated ? 0 : Comparison.negated, effect: 0)
            return .truth
        }
        if Compiler.isNull(left) {
            diagnostics.warning(
                "`$null` on the left is compared as 0 or \"\"", at: left.range, hint: "write it on the right")
        }
        let one = value(left)
        let constant = fold(right)
        let two = constant.map { $0.isText ? StaticType.text : .int } ?? value(right)
        let mode: UInt8
        switch operation {
        case .stringEqual, .stringNotEqual:
            if one.isInt { reportTypes(operation, left, right, range) }
            mode = Comparison.asTexts
        case .integerEqual, .integerNotEqual:
            requireInt(one, left)
            requireInt(two, right)
            mode = Comparison.asInts
        default:
            if one.isInt, two == .text { reportTypes(operation, left, right, range) }
            warnNoNumber(left, right)
            mode = one == .text ? Comparison.asTexts : one.isInt ? Comparison.asInts : 0
        }
        if let constant {
            equal(constant, mode | (negated ? Comparison.negated : 0))
        } else {
            switch mode {
            case Comparison.asTexts: emitter.emit(negated ? .notEqualText : .equalText, effect: -1)
            case Comparison.asInts: emitter.emit(negated ? .notEqualInt : .equalInt, effect: -1)
            default: emitter.emit(negated ? .notEqual : .equal, effect: -1)
            }
        }
        return .truth
    }

    /// The value on the stack is compared with a constant.
    func equal(_ constant: Constant, _ comparison: UInt8) {
        emitter.emit(.equalConstant, a: comparison, c: number(of: constant), effect: 0)
    }

    /// A variable that is a number, beside a text that is none.
    private func warnNoNumber(_ left: Expression, _ right: Expression) {
        guard case .variable(let syntax) = left.kind, syntax.transformations.isEmpty, binder.isNumber(syntax),
            case .text(let bytes)? = fold(right), case let text = String(decoding: bytes, as: UTF8.self),
            Int64(text) == nil, !text.hasPrefix("0x")
        else { return }
        diagnostics.warning(
            "`$\(syntax.name.text)` is a number, and the text beside it is none: it counts as 0", at: right.range,
            hint: "compare with a number")
    }

    private func reportTypes(
        _ operation: Syntax.BinaryOperator, _ left: Expression, _ right: Expression, _ range: SourceRange
    ) {
        if case .unary(.not, let operand) = left.kind, !left.isParenthesised {
            let other = operation == .notEqual ? "==" : "!="
            diagnostics.error(
                "`!` binds to `\(operand.range.text)` alone, and a number is compared with a string", at: left.range,
                hint: "write `!(… \(operation.rawValue) …)` or use `\(other)`")
            return
        }
        diagnostics.error(
            "a number and a string are compared with `\(operation.rawValue)`", at: range,
            hint: "`(str)` and `(int)` convert")
    }

    private func match(_ left: Expression, _ right: Expression, negated: Bool) -> StaticType {
        let type = value(left)
        if type.isInt {
            diagnostics.error("`=~` searches a string, not a number", at: left.range, hint: "`(str)` converts")
        }
        if case .text(let pattern) = right.kind {
            if let regex = regex(pattern, .dotAll) { regexes.append(regex) }
            emitter.emit(.matchConstant, a: negated ? 1 : 0, c: Int32(max(0, regexes.count - 1)), effect: 0)
            return .truth
        }
        if value(right).isInt { diagnostics.error("a regular expression is a string", at: right.range) }
        emitter.emit(.match, a: negated ? 1 : 0, effect: -1)
        return .truth
    }

    private func add(_ left: Expression, _ right: Expression) -> StaticType {
        let one = value(left)
        let two = value(right)
        if one.isInt, two == .text {
            diagnostics.error(
                "a string is added to a number", at: right.range, hint: "`(str)` in front of the number joins texts")
        }
        emitter.emit(one == .text ? .join : .add, effect: -1)
        return one == .text ? .text : one.isInt ? .int : .open
    }

    private func arithmetic(
        _ operation: Syntax.BinaryOperator, _ left: Expression, _ right: Expression
    ) -> StaticType {
        requireInt(value(left), left)
        if operation == .divide || operation == .modulo, case .int(0)? = fold(right) {
            diagnostics.error("division by zero", at: right.range)
        }
        requireInt(value(right), right)
        let opcode: Opcode
        switch operation {
        case .subtract: opcode = .subtract
        case .multiply: opcode = .multiply
        case .divide: opcode = .divide
        case .modulo: opcode = .modulo
        case .bitAnd: opcode = .bitAnd
        case .bitOr: opcode = .bitOr
        case .bitXor: opcode = .bitXor
        case .shiftLeft: opcode = .shiftLeft
        case .shiftRight: opcode = .shiftRight
        case .less: opcode = .less
        case .greater: opcode = .greater
        case .lessOrEqual: opcode = .lessOrEqual
        default: opcode = .greaterOrEqual
        }
        emitter.emit(opcode, effect: -1)
        switch operation {
        case .less, .greater, .lessOrEqual, .greaterOrEqual: return .truth
        default: return isTruth(left) && isTruth(right) && [.bitAnd, .bitOr].contains(operation) ? .truth : .int
        }
    }

    /// 0 or 1 whatever happens: a comparison, a condition, a call.
    private func isTruth(_ expression: Expression) -> Bool {
        switch expression.kind {
        case .condition, .block: true
        case .call: settings.returnMode == 0
        case .unary(let operation, _): operation == .not || operation == .defined
        case .binary(let operation, let left, let right):
            switch operation {
            case .or, .and, .equal, .notEqual, .matches, .matchesNot, .stringEqual, .stringNotEqual, .integerEqual,
                .integerNotEqual, .less, .greater, .lessOrEqual, .greaterOrEqual:
                true
            case .bitAnd, .bitOr: isTruth(left) && isTruth(right)
            default: false
            }
        default: false
        }
    }

    // MARK: Conditions of if and while

    /// Emits a jump that is taken when the condition does not hold, with nothing left on the stack.
    func branch(ifFalse condition: Expression, to label: Emitter.Label) {
        switch condition.kind {
        case .binary(.and, let left, let right):
            branchOperand(ifFalse: left, to: label)
            branchOperand(ifFalse: right, to: label)
        case .binary(.or, let left, let right):
            let holds = emitter.makeLabel()
            branchOperand(ifTrue: left, to: holds)
            branchOperand(ifFalse: right, to: label)
            emitter.place(holds)
        case .binary(let operation, let left, let right)
        where dialect == .ser && isTruth(left) && isTruth(right)
            && (operation == .bitAnd || operation == .bitOr):
            // SER wrote & and | between conditions.
            let logical: Syntax.BinaryOperator = operation == .bitAnd ? .and : .or
            branch(ifFalse: Expression(.binary(logical, left, right), condition.range), to: label)
        case .unary(.not, let operand): branchOperand(ifTrue: operand, to: label)
        default:
            let type = value(condition)
            if settings.returnMode == 1, type != .truth {
                equal(.int(0), Comparison.asInts | Comparison.negated)
            }
            emitter.jump(.jumpIfFalse, to: label, effect: -1)
        }
    }

    private func branchOperand(ifFalse operand: Expression, to label: Emitter.Label) {
        if isLogical(operand) { return branch(ifFalse: operand, to: label) }
        truthOperand(operand)
        emitter.jump(.jumpIfFalse, to: label, effect: -1)
    }

    private func branchOperand(ifTrue operand: Expression, to label: Emitter.Label) {
        if isLogical(operand) {
            let fails = emitter.makeLabel()
            branch(ifFalse: operand, to: fails)
            emitter.jump(.jump, to: label)
            emitter.place(fails)
            return
        }
        truthOperand(operand)
        emitter.jump(.jumpIfTrue, to: label, effect: -1)
    }

    private func isLogical(_ expression: Expression) -> Bool {
        switch expression.kind {
        case .binary(.and, _, _), .binary(.or, _, _), .unary(.not, _): true
        default: false
        }
    }

    /// Remarks on what is tested by `if` and `while`.
    func test(_ condition: Expression) {
        if let constant = fold(condition) {
            // `while (1)` is judged by its body.
            let isTrue: Bool
            switch constant {
            case .int(let number): isTrue = number > 0
            case .text:
                diagnostics.warning("a string as a condition is false", at: condition.range)
                return
            }
            diagnostics.warning("this condition is always \(isTrue ? "true" : "false")", at: condition.range)
        }
        testText(condition)
    }

    /// Variables that hold texts: as a condition they count as the number that they begin with, which is hardly meant.
    private static let textVariables: Set<String> = [
        "ru", "ruri", "rU", "ruri.user", "rd", "ruri.domain", "du", "duri", "dd", "ou", "ouri", "oU", "od", "fu",
        "from",
        "fU", "from.user", "fd", "from.domain", "fn", "tu", "to", "tU", "to.user", "td", "to.domain", "tn", "ft", "tt",
        "rm", "rr", "ci", "ct", "ctu", "ua", "rt", "re", "ai", "au", "aU", "ad", "ar", "si", "src_ip", "su", "Ri", "Ru",
        "pr", "proto", "rb", "mb", "fs",
    ]

    func testText(_ condition: Expression) {
        switch condition.kind {
        case .variable(let syntax)
        where syntax.transformations.isEmpty && Compiler.textVariables.contains(syntax.name.text)
            && (syntax.dialect != .ser || syntax.form == .enclosed):
            diagnostics.warning(
                "`$\(syntax.name.text)` is a text: as a condition only a number that is not 0 is true",
                at: condition.range, hint: "write `\(condition.range.text) != $null`, or compare it")
        case .binary(.add, _, _) where isText(condition):
            diagnostics.warning("a text as a condition: only a number that is not 0 is true", at: condition.range)
        default: break
        }
    }

    /// A constant text, a joined one, or a variable that holds one.
    private func isText(_ expression: Expression) -> Bool {
        switch expression.kind {
        case .text, .unary(.toString, _): true
        case .variable(let syntax): Compiler.textVariables.contains(syntax.name.text)
        case .binary(.add, let left, _): isText(left)
        default: false
        }
    }
}
