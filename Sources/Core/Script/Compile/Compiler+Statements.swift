import PluginAPI

/// Statements.
extension Compiler {
    func statements(_ list: [Syntax.Statement]) {
        for statement in list { self.statement(statement) }
    }

    private func statement(_ statement: Syntax.Statement) {
        emitter.mark(statement.range)
        switch statement.kind {
        case .call(let call): self.call(call)
        case .assign(let target, let value): assign(target, value, asValue: false)
        case .if(let clauses, let otherwise): ifStatement(clauses, otherwise)
        case .while(let condition, let body): whileStatement(condition, body)
        case .switch(let construct): switchStatement(construct)
        case .leave(let leave, let code): leaveStatement(leave, code)
        case .break: breakStatement()
        case .block(let body): statements(body.statements)
        case .empty: break
        }
    }

    // MARK: Assignment

    /// - Parameter asValue: leaves the truth of the value on the stack.
    func assign(_ target: Expression, _ value: Expression, asValue: Bool) {
        emitter.mark(target.range)
        pushAssigned(value)
        var number: Int32 = 0
        var storing: UInt8 = asValue ? Storing.leavesTruth : 0
        switch target.kind {
        case .variable(let syntax):
            if let variable = binder.variable(syntax, for: .write) {
                warnIneffective(syntax)
                number = add(variable)
                if CoreVariables.isRunVariable(variable) { storing |= Storing.isRunVariable }
            }
        case .invalid: break
        default: diagnostics.error("cannot assign to this", at: target.range)
        }
        emitter.mark(target.range)
        emitter.emit(.store, a: storing, c: number, effect: asValue ? 0 : -1)
    }

    /// Variables that change the message, which comes too late while it is sent.
    private static let messageVariables = KnownNames.destinationVariables.union([
        "fu", "from", "fU", "from.user", "fd", "from.domain", "fn", "tu", "to", "tU", "to.user", "td", "to.domain",
        "tn", "fs", "fsn",
    ])

    private func warnIneffective(_ syntax: Syntax.Variable) {
        let names: Set<String>
        switch route.kind {
        case .onsend: names = Compiler.messageVariables
        case .coreOnReply, .tmOnReply: names = KnownNames.destinationVariables
        default: return
        }
        guard names.contains(syntax.name.text), syntax.form != .bare || syntax.dialect != .ser else { return }
        diagnostics.warning(
            "assigning `$\(syntax.name.text)` has no effect in `\(route.title)`", at: syntax.range,
            hint: route.kind == .onsend ? "what is sent is made already" : "a reply goes where its Via says")
    }

    /// The right side of an assignment: of a call its code, whatever that is.
    private func pushAssigned(_ value: Expression) {
        switch value.kind {
        case .call(let call):
            self.call(call)
            emitter.emit(.pushCode, effect: 1)
        case .block(let body):
            statements(body.statements)
            emitter.emit(.pushCode, effect: 1)
        case .select:
            // A select is a text, also where there is nothing: an empty one, as Kamailio's users know it.
            self.value(value)
            emitter.emit(.toText, effect: 0)
        default:
            warnUnexpanded(value)
            self.value(value)
        }
    }

    /// A plain text is not expanded; one that looks as if it should be is worth a warning.
    private func warnUnexpanded(_ value: Expression) {
        if case .binary(.add, let left, let right) = value.kind {
            warnUnexpanded(left)
            warnUnexpanded(right)
        }
        guard case .text(let text) = value.kind,
            VariableReader.containsVariable(text, dialect: dialect, isKnown: binder.isVariable)
        else { return }
        diagnostics.warning(
            "pseudo-variables are not expanded in a plain string", at: text.range,
            hint: "join the parts with `+`, or use `$_s(…)`")
    }

    // MARK: if, while

    private func ifStatement(_ clauses: [Syntax.Statement.Clause], _ otherwise: Syntax.Block?) {
        let end = emitter.makeLabel()
        conditionDepth += 1
        for (index, clause) in clauses.enumerated() {
            let next = emitter.makeLabel()
            emitter.mark(clause.condition.range)
            test(clause.condition)
            branch(ifFalse: clause.condition, to: next)
            statements(clause.body.statements)
            if index < clauses.count - 1 || otherwise != nil { emitter.jump(.jump, to: end) }
            emitter.place(next)
        }
        if let otherwise { statements(otherwise.statements) }
        conditionDepth -= 1
        emitter.place(end)
    }

    private func whileStatement(_ condition: Expression, _ body: Syntax.Block) {
        let top = emitter.makeLabel()
        let end = emitter.makeLabel()
        push(0 as Int64)
        // What the body does comes before its next turn.
        binder.isBeforeTransaction = false
        emitter.place(top)
        emitter.mark(condition.range)
        conditionDepth += 1
        testText(condition)
        branch(ifFalse: condition, to: end)
        emitter.jump(.countTurn, to: end)
        breakLabels.append(end)
        statements(body.statements)
        breakLabels.removeLast()
        conditionDepth -= 1
        emitter.jump(.jump, to: top)
        emitter.place(end)
        emitter.emit(.pop, effect: -1)
    }

    // MARK: switch

    private func switchStatement(_ construct: Syntax.Switch) {
        checkLabels(construct)
        value(construct.subject)
        let end = emitter.makeLabel()
        let bodies = construct.cases.map { _ in emitter.makeLabel() }
        var fallback = end
        for (label, body) in zip(construct.cases, bodies) {
            emitter.mark(label.range)
            switch label.label {
            case .default:
                fallback = body
                continue
            case .number(let number):
                emitter.emit(.duplicate, effect: 1)
                equal(.int(number), Comparison.asInts)
            case .text(let text):
                emitter.emit(.duplicate, effect: 1)
                equal(.text(text.bytes), Comparison.asTexts)
            case .pattern(let text):
                guard let regex = regex(text, [.caseSensitive, .dotAll]) else { continue }
                regexes.append(regex)
                emitter.emit(.duplicate, effect: 1)
                emitter.emit(.matchConstant, c: Int32(regexes.count - 1), effect: 0)
            }
            emitter.jump(.jumpIfTrue, to: body, effect: -1)
        }
        emitter.jump(.jump, to: fallback)
        breakLabels.append(end)
        conditionDepth += 1
        for (label, body) in zip(construct.cases, bodies) {
            emitter.place(body)
            statements(label.body)
        }
        conditionDepth -= 1
        breakLabels.removeLast()
        emitter.place(end)
        emitter.emit(.pop, effect: -1)
    }

    /// Labels of one type, at most one `default`, none twice.
    private func checkLabels(_ construct: Syntax.Switch) {
        var firstKind: (isNumber: Bool, range: SourceRange)?
        var firstDefault: SourceRange?
        var seen: [String: SourceRange] = [:]
        for label in construct.cases {
            let key: String
            switch label.label {
            case .default:
                if let first = firstDefault {
                    diagnostics.error(
                        "second `default` in a switch", at: label.range,
                        notes: [Diagnostic.Note("first one", at: first)])
                }
                firstDefault = firstDefault ?? label.range
                continue
            case .number(let number): key = "n\(number)"
            case .text(let text): key = "t\(text.string)"
            case .pattern(let text): key = "p\(text.string)"
            }
            let isNumber = key.hasPrefix("n")
            if let first = firstKind, first.isNumber != isNumber {
                diagnostics.error(
                    "labels of numbers and of texts in one switch", at: label.range,
                    notes: [Diagnostic.Note("first label", at: first.range)])
            }
            firstKind = firstKind ?? (isNumber, label.range)
            if let first = seen[key] {
                diagnostics.warning(
                    "this label never matches: an earlier one is the same", at: label.range,
                    notes: [Diagnostic.Note("first one", at: first)])
            }
            seen[key] = seen[key] ?? label.range
        }
    }

    // MARK: Leaving

    private func leaveStatement(_ leave: Syntax.Statement.Leave, _ code: Expression?) {
        let opcode: Opcode
        let standard: Int32
        switch leave {
        case .return: (opcode, standard) = (.return, 1)
        case .exit: (opcode, standard) = (.exit, 1)
        case .drop: (opcode, standard) = (.drop, 0)
        }
        guard let code else { return emitter.emit(opcode, c: standard, effect: 0) }
        if case .int(let number)? = fold(code), let short = Int32(exactly: number) {
            return emitter.emit(opcode, c: short, effect: 0)
        }
        value(code)
        emitter.emit(opcode, a: 1, effect: -1)
    }

    private func breakStatement() {
        guard let label = breakLabels.last else { return emitter.emit(.breakRoute, effect: 0) }
        emitter.jump(.jump, to: label)
    }
}
