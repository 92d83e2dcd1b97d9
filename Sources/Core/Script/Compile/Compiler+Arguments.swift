import PluginAPI

/// Arguments of calls, by the kinds of the function's signature.
extension Compiler {
    /// How the argument comes about; code for a value that is not constant is emitted here. nil after a mistake.
    func plan(
        _ argument: Expression, _ kind: Signature.Kind, place: Int, of function: FunctionDeclaration
    ) -> ArgumentPlan? {
        if case .invalid = argument.kind { return nil }
        switch kind {
        case .int: return intPlan(argument, place, function)
        case .string: return literal(argument, place, function)
        case .format: return textPlan(argument, .text, place, function)
        case .uri: return textPlan(argument, .uri, place, function)
        case .template: return templatePlan(argument, place, function)
        case .value: return valuePlan(argument, place, function)
        case .variable: return variablePlan(argument, .read, place, function)
        case .writable: return variablePlan(argument, .write, place, function)
        case .regex: return regexPlan(argument, place, function)
        case .flag: return flagPlan(argument, settings.flags, "flags", place, function)
        case .avpFlag: return flagPlan(argument, settings.avpFlags, "avpflags", place, function)
        case .route(let kinds): return routePlan(argument, kinds, place, function)
        case .routeIfAny(let kinds): return routePlan(argument, kinds, mayLack: true, place, function)
        case .word(let words): return wordPlan(argument, words, place, function)
        }
    }

    /// Of an argument that the script has left out.
    func absentPlan(_ place: Int, of function: FunctionDeclaration, in range: SourceRange) -> ArgumentPlan? {
        let plan = ArgumentPlan(conversion: .constant, routeKinds: 0, prototype: apus_arg())
        guard function.preparesAbsent else { return plan }
        return prepared(plan, apus_str(), place, function, at: range) { _ in range }
    }

    private func given() -> ArgumentPlan {
        var prototype = apus_arg()
        prototype.given = 1
        return ArgumentPlan(conversion: .constant, routeKinds: 0, prototype: prototype)
    }

    private func dynamic(_ conversion: ArgumentPlan.Conversion) -> ArgumentPlan {
        ArgumentPlan(conversion: conversion, routeKinds: 0, prototype: apus_arg())
    }

    private func mistake(
        _ what: String, _ argument: Expression, _ place: Int, _ function: FunctionDeclaration, hint: String? = nil
    ) -> ArgumentPlan? {
        diagnostics.error(
            "argument \(place + 1) of `\(function.name)` \(what)", at: argument.range,
            hint: hint ?? "usage: \(function.usage)")
        return nil
    }

    // MARK: Numbers

    private func intPlan(_ argument: Expression, _ place: Int, _ function: FunctionDeclaration) -> ArgumentPlan? {
        if let number = constantNumber(argument) { return number.flatMap { constant($0, argument, place, function) } }
        switch argument.kind {
        case .text(let text):
            guard VariableReader.containsVariable(text, dialect: dialect, isKnown: binder.isVariable),
                let format = binder.format(text, dialect: dialect)
            else { return mistake("is a number", argument, place, function) }
            push(format.compiled)
        case .word(let word): return mistake("is a number, not `\(word)`", argument, place, function)
        case .host, .uriPart: return mistake("is a number", argument, place, function)
        default:
            if value(argument) == .text { return mistake("is a number", argument, place, function) }
        }
        return dynamic(.int)
    }

    /// A number, or a text that is one; nil when it is neither. The inner nil: a number out of range.
    private func constantNumber(_ argument: Expression) -> Int64?? {
        switch fold(argument) {
        case .int(let number)?: return number
        case .text(let bytes)?:
            let text = String(decoding: bytes, as: UTF8.self)
            if let number = Int64(text) { return number }
            if text.hasPrefix("0x"), let number = Int64(text.dropFirst(2), radix: 16) { return number }
            return nil
        case nil: return nil
        }
    }

    private func constant(
        _ number: Int64, _ argument: Expression, _ place: Int, _ function: FunctionDeclaration
    ) -> ArgumentPlan? {
        var plan = given()
        plan.prototype.num = number
        return prepared(plan, memory.text(String(number)), argument, place, function)
    }

    /// - Parameters:
    ///   - names: the declared flags.
    ///   - keyword: what declares them.
    private func flagPlan(
        _ argument: Expression, _ names: [String: Int], _ keyword: String, _ place: Int,
        _ function: FunctionDeclaration
    ) -> ArgumentPlan? {
        var name: String?
        if case .word(let word) = argument.kind { name = word }
        if case .text(let text) = argument.kind { name = text.string }
        if let number = constantNumber(argument) {
            guard let number, (0...31).contains(number) else {
                return mistake("is a flag: 0 to 31", argument, place, function)
            }
            return constant(number, argument, place, function)
        }
        if let name {
            guard let number = names[name] else {
                let near = Suggest.hint(for: name, among: names.keys)
                return mistake(
                    "is no flag: `\(name)` is not declared", argument, place, function,
                    hint: near ?? "declare it: `\(keyword) \(name)`, or `#!define \(name) …`")
            }
            return constant(Int64(number), argument, place, function)
        }
        if value(argument) == .text { return mistake("is a flag", argument, place, function) }
        return dynamic(.flag)
    }

    // MARK: Texts

    /// A constant text, taken as it is.
    private func literal(_ argument: Expression, _ place: Int, _ function: FunctionDeclaration) -> ArgumentPlan? {
        let text: apus_str
        switch (fold(argument), argument.kind) {
        case (.text(let bytes)?, _): text = memory.text(bytes)
        case (.int(let number)?, _): text = memory.text(String(number))
        case (nil, .host(let host)): text = memory.text(host.text)
        case (nil, .word(let word)):
            return mistake("is a string", argument, place, function, hint: "write it in quotes: `\"\(word)\"`")
        default: return mistake("must be a constant string", argument, place, function)
        }
        var plan = given()
        plan.prototype.str = text
        return prepared(plan, text, argument, place, function)
    }

    private func textPlan(
        _ argument: Expression, _ conversion: ArgumentPlan.Conversion, _ place: Int, _ function: FunctionDeclaration
    ) -> ArgumentPlan? {
        switch argument.kind {
        case .text(let text):
            guard let format = binder.format(text, dialect: dialect) else { return nil }
            if format.isConstant { return constantText(format.constant, argument, conversion, place, function) }
            push(format.compiled)
        case .variable(let syntax):
            guard let variable = binder.variable(syntax) else { return nil }
            push(binder.format(of: variable))
        case .host(let host): return constantText(Array(host.text.utf8), argument, conversion, place, function)
        case .uriPart(let part): return constantText(Array(part.rawValue.utf8), argument, conversion, place, function)
        case .word(let word):
            return mistake("is a string", argument, place, function, hint: "write it in quotes: `\"\(word)\"`")
        default:
            switch fold(argument) {
            case .text(let bytes)?: return constantText(bytes, argument, conversion, place, function)
            case .int(let number)?:
                return constantText(Array(String(number).utf8), argument, conversion, place, function)
            case nil: value(argument)
            }
        }
        return dynamic(conversion)
    }

    private func constantText(
        _ bytes: [UInt8], _ argument: Expression, _ conversion: ArgumentPlan.Conversion, _ place: Int,
        _ function: FunctionDeclaration
    ) -> ArgumentPlan? {
        if conversion == .uri, bytes.withBytes({ URI.parse($0) == nil }) {
            return mistake("is a URI: sip:user@host", argument, place, function)
        }
        var plan = given()
        plan.prototype.str = memory.text(bytes)
        return prepared(plan, plan.prototype.str, argument, place, function)
    }

    private func templatePlan(_ argument: Expression, _ place: Int, _ function: FunctionDeclaration) -> ArgumentPlan? {
        var plan = given()
        let format: CompiledFormat
        var constant: [UInt8]?
        switch argument.kind {
        case .text(let text):
            guard let bound = binder.format(text, dialect: dialect) else { return nil }
            format = bound.compiled
            if bound.isConstant { constant = bound.constant }
        case .variable(let syntax):
            guard let variable = binder.variable(syntax) else { return nil }
            format = binder.format(of: variable)
        default:
            switch fold(argument) {
            case .text(let bytes)?: constant = bytes
            case .int(let number)?: constant = Array(String(number).utf8)
            case nil: return mistake("must be a text or a pseudo-variable", argument, place, function)
            }
            let piece = CompiledFormat.Piece(text: memory.text(constant ?? []), variable: nil)
            format = CompiledFormat(pieces: UnsafePointer(memory.table([piece])), count: 1)
        }
        ask(for: format)
        plan.prototype.text = OpaquePointer(memory.place(format))
        guard let constant else { return plan }
        return prepared(plan, memory.text(constant), argument, place, function)
    }

    private func valuePlan(_ argument: Expression, _ place: Int, _ function: FunctionDeclaration) -> ArgumentPlan? {
        var plan = given()
        if case .text(let text) = argument.kind {
            guard let format = binder.format(text, dialect: dialect) else { return nil }
            guard format.isConstant else {
                push(format.compiled)
                return dynamic(.value)
            }
            plan.prototype.value = UInt32(APUS_STRING)
            plan.prototype.str = memory.text(format.constant)
            return prepared(plan, plan.prototype.str, argument, place, function)
        }
        switch fold(argument) {
        case .int(let number)?:
            plan.prototype.value = UInt32(APUS_INT)
            plan.prototype.num = number
            return prepared(plan, memory.text(String(number)), argument, place, function)
        case .text(let bytes)?:
            plan.prototype.value = UInt32(APUS_STRING)
            plan.prototype.str = memory.text(bytes)
            return prepared(plan, plan.prototype.str, argument, place, function)
        case nil:
            value(argument)
            return dynamic(.value)
        }
    }

    // MARK: Variables, patterns, routes, words

    private func variablePlan(
        _ argument: Expression, _ purpose: Binder.Purpose, _ place: Int, _ function: FunctionDeclaration
    ) -> ArgumentPlan? {
        var syntax: Syntax.Variable?
        switch argument.kind {
        case .variable(let written): syntax = written
        case .text(let text) where text.bytes.first == UInt8(ascii: "$"):
            syntax = binder.readVariable(text, dialect: dialect)
            if syntax == nil { return nil }
        default: break
        }
        guard let syntax else { return mistake("must be one pseudo-variable", argument, place, function) }
        guard let variable = binder.keptVariable(syntax, for: purpose) else { return nil }
        var plan = given()
        if purpose == .read { ask(for: variable.pointee, at: argument.range) }
        plan.prototype.variable = OpaquePointer(variable)
        return plan
    }

    private func regexPlan(_ argument: Expression, _ place: Int, _ function: FunctionDeclaration) -> ArgumentPlan? {
        switch argument.kind {
        case .text(let text):
            guard let format = binder.format(text, dialect: dialect, lenient: true) else { return nil }
            guard format.isConstant else {
                push(format.compiled)
                return dynamic(.regex)
            }
            guard let regex = regex(text, []) else { return nil }
            var plan = given()
            plan.prototype.str = memory.text(text.bytes)
            plan.prototype.regex = regex
            return prepared(plan, plan.prototype.str, argument, place, function)
        case .word, .host, .uriPart: return mistake("is a regular expression", argument, place, function)
        default:
            if value(argument).isInt { return mistake("is a regular expression", argument, place, function) }
            return dynamic(.regex)
        }
    }

    private func routePlan(
        _ argument: Expression, _ kinds: UInt32, mayLack: Bool = false, _ place: Int, _ function: FunctionDeclaration
    ) -> ArgumentPlan? {
        var name: String?
        switch argument.kind {
        case .word(let word): name = word
        case .text(let text)
        where !VariableReader.containsVariable(text, dialect: dialect, isKnown: binder.isVariable):
            name = text.string
        case .text(let text):
            guard let format = binder.format(text, dialect: dialect) else { return nil }
            push(format.compiled)
        default:
            switch fold(argument) {
            case .int(let number)?: name = String(number)
            case .text(let bytes)?: name = String(decoding: bytes, as: UTF8.self)
            case nil: value(argument)
            }
        }
        guard let name else {
            var plan = dynamic(.route)
            plan.routeKinds = kinds
            namesRoutesAtRunTime = true
            return plan
        }
        var plan = given()
        let normal = Parser.routeName(name)
        plan.prototype.str = memory.text(normal)
        if let index = find(normal, kinds) {
            binder.routes.update(index) { $0.isUsed = true }
            plan.prototype.route = OpaquePointer(routeTable + index)
        } else if !mayLack, !normal.isEmpty, normal != "0",
            let kind = RouteKind.allCases.first(where: { kinds & $0.mask != 0 })
        {
            // The peers start, too: nothing runs then. An empty name and 0 take a route back.
            _ = binder.route(kind, named: normal, at: argument.range, severity: .warning)
        }
        return prepared(plan, plan.prototype.str, argument, place, function)
    }

    private func find(_ name: String, _ kinds: UInt32) -> Int? {
        guard !name.isEmpty else { return nil }
        for kind in RouteKind.allCases where kinds & kind.mask != 0 {
            if let index = binder.routes.find(kind, name) { return index }
        }
        return nil
    }

    private func wordPlan(
        _ argument: Expression, _ words: [String], _ place: Int, _ function: FunctionDeclaration
    ) -> ArgumentPlan? {
        let word: String
        switch (argument.kind, fold(argument)) {
        case (.word(let bare), _): word = bare
        case (_, .text(let bytes)?): word = String(decoding: bytes, as: UTF8.self)
        case (_, .int(let number)?): word = String(number)
        default:
            return mistake("must be one of \(words.joined(separator: ", "))", argument, place, function)
        }
        guard
            let index = words.firstIndex(of: word) ?? words.firstIndex(where: { $0.lowercased() == word.lowercased() })
        else {
            let near = Suggest.hint(for: word, among: words)
            return mistake("must be one of \(words.joined(separator: ", "))", argument, place, function, hint: near)
        }
        var plan = given()
        plan.prototype.num = Int64(index)
        plan.prototype.str = memory.text(words[index])
        return prepared(plan, plan.prototype.str, argument, place, function)
    }

    // MARK: The function's own look at a constant

    private func prepared(
        _ plan: ArgumentPlan, _ constant: apus_str, _ argument: Expression, _ place: Int,
        _ function: FunctionDeclaration
    ) -> ArgumentPlan? {
        prepared(plan, constant, place, function, at: argument.range) { offset in
            guard case .text(let literal) = argument.kind, offset < literal.bytes.count else { return argument.range }
            return literal.range(of: offset..<literal.bytes.count)
        }
    }

    /// - Parameters:
    ///   - range: what remarks are about.
    ///   - mistaken: what a complaint is about, by its offset.
    private func prepared(
        _ plan: ArgumentPlan, _ constant: apus_str, _ place: Int, _ function: FunctionDeclaration,
        at range: SourceRange, mistaken: (Int) -> SourceRange
    ) -> ArgumentPlan? {
        guard let prepare = function.prepare else { return plan }
        var plan = plan
        let (diagnostics, name) = (diagnostics, function.owner.name)
        let tell: Declarer.Tell = { diagnostics.remark($0, "\(name): \($1)", at: range) }
        let verdict = function.owner.look(tell) {
            prepare(function.owner.host, UInt32(place), constant, $0, $1)
        }
        switch verdict {
        case .accepted(let prepared): plan.prototype.prepared = prepared
        case .refused(let text, let offset):
            diagnostics.error(
                text.isEmpty ? "argument \(place + 1) of `\(function.name)` is wrong" : text, at: mistaken(offset),
                hint: "usage: \(function.usage)")
            return nil
        }
        return plan
    }
}
