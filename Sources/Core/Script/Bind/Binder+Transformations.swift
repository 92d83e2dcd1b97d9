import PluginAPI

extension Binder {
    /// The transformations of a variable, in their order; false after a mistake.
    func bindTransformations(_ syntax: Syntax.Variable, _ compiled: inout CompiledVariable) -> Bool {
        guard !syntax.transformations.isEmpty else { return true }
        var steps: [CompiledTransformation] = []
        for transformation in syntax.transformations {
            guard let step = bind(transformation) else { return false }
            steps.append(step)
        }
        compiled.transformations = UnsafePointer(memory.table(steps))
        compiled.transformationCount = steps.count
        return true
    }

    private func bind(_ syntax: Syntax.Transformation) -> CompiledTransformation? {
        let name = "\(syntax.family).\(syntax.operation)"
        guard let declaration = registry.transformations[name] else {
            let near = Suggest.nearest(to: name, among: registry.transformations.keys)
            diagnostics.error(
                "unknown transformation `{\(name)}`", at: syntax.range, hint: near.map { "did you mean `{\($0)}`?" })
            return nil
        }
        let written = arguments(of: syntax, declaration)
        guard written.count >= declaration.required, written.count <= declaration.arguments.count else {
            diagnostics.error(
                "`{\(name)}` takes \(Binder.countText(declaration.required...max(declaration.required, declaration.arguments.count))), \(written.count) given",
                at: syntax.range, hint: "usage: \(declaration.usage)")
            return nil
        }
        var arguments: [CompiledTransformation.Argument] = []
        for (argument, kind) in zip(written, declaration.arguments) {
            guard let bound = bind(argument, kind, declaration) else { return nil }
            arguments.append(bound)
        }
        var compiled = CompiledTransformation(
            apply: declaration.apply, arguments: UnsafePointer(memory.table(arguments)), argumentCount: arguments.count,
            prepared: nil)
        if let prepare = declaration.prepare {
            guard isCompiling || !declaration.looksAtConstants else {
                diagnostics.error("`{\(name)}` is unknown in a text that is made at run time", at: syntax.range)
                return nil
            }
            let diagnostics = diagnostics
            switch prepare(arguments, memory, { diagnostics.remark($0, $1, at: syntax.range) }) {
            case .success(let prepared): compiled.prepared = prepared
            case .failure(let complaint):
                diagnostics.error(
                    complaint.text.isEmpty ? "an argument of `{\(name)}` is wrong" : complaint.text,
                    at: place(of: complaint, among: written) ?? syntax.range, hint: "usage: \(declaration.usage)")
                return nil
            }
        }
        return compiled
    }

    /// The arguments as the operation counts them: a comma can be an argument itself, and the last one may take all the rest.
    private func arguments(
        of syntax: Syntax.Transformation, _ declaration: TransformationDeclaration
    ) -> [Syntax.Transformation.Argument] {
        var list = syntax.arguments
        if let rest = declaration.arguments.firstIndex(of: .rest), let raw = syntax.rawArguments, list.count > rest {
            var start = 0
            for _ in 0..<rest {
                start = (raw.bytes[start...].firstIndex(of: UInt8(ascii: ",")) ?? raw.bytes.count - 1) + 1
            }
            list.removeSubrange(rest...)
            list.append(.constant(raw.slice(start..<raw.bytes.count)))
        }
        // `{s.select,1,,}`: two empty arguments are one comma.
        for (place, kind) in declaration.arguments.enumerated() where kind == .character && place + 1 < list.count {
            guard case .constant(let first) = list[place], case .constant(let second) = list[place + 1] else {
                continue
            }
            if first.bytes.isEmpty, second.bytes.isEmpty {
                list[place] = .constant(Syntax.Text(bytes: [UInt8(ascii: ",")], range: second.range))
                list.remove(at: place + 1)
            }
        }
        return list
    }

    private func place(
        of complaint: TransformationDeclaration.Complaint, among written: [Syntax.Transformation.Argument]
    ) -> SourceRange? {
        guard written.indices.contains(complaint.argument) else { return nil }
        let argument = written[complaint.argument]
        if case .constant(let text) = argument, complaint.offset < text.bytes.count {
            return text.range(of: complaint.offset..<text.bytes.count)
        }
        return range(of: argument)
    }

    private func range(of argument: Syntax.Transformation.Argument) -> SourceRange {
        switch argument {
        case .constant(let text): text.range
        case .variable(let variable): variable.range
        }
    }

    private func bind(
        _ argument: Syntax.Transformation.Argument, _ kind: TransformationDeclaration.Argument,
        _ declaration: TransformationDeclaration
    ) -> CompiledTransformation.Argument? {
        switch argument {
        case .variable(let syntax):
            guard let bound = keptVariable(syntax) else { return nil }
            return CompiledTransformation.Argument(value: .null, variable: bound)
        case .constant(let text):
            var value = apus_value(memory.text(text.bytes))
            switch kind {
            case .int:
                guard let number = Int64(text.string) else {
                    diagnostics.error("expected a number", at: text.range, hint: "usage: \(declaration.usage)")
                    return nil
                }
                value.kind |= UInt32(APUS_INT)
                value.num = number
            case .character:
                guard let character = Binder.character(text.bytes) else {
                    diagnostics.error("expected one character", at: text.range, hint: "usage: \(declaration.usage)")
                    return nil
                }
                value = apus_value(memory.text(character))
            case .text, .rest:
                if let number = Int64(text.string) {
                    value.kind |= UInt32(APUS_INT)
                    value.num = number
                }
            }
            return CompiledTransformation.Argument(value: value, variable: nil)
        }
    }

    /// `\s` stays as it is written: what it means is the operation's business.
    private static func character(_ bytes: [UInt8]) -> [UInt8]? {
        if bytes.count == 2, bytes[0] == UInt8(ascii: "\\") {
            switch bytes[1] {
            case UInt8(ascii: "n"): return [10]
            case UInt8(ascii: "r"): return [13]
            case UInt8(ascii: "t"): return [9]
            case UInt8(ascii: "w"): return [32]
            case UInt8(ascii: "s"): return bytes
            default: return [bytes[1]]
            }
        }
        return bytes.count == 1 ? bytes : nil
    }
}
