import PluginAPI

/// Pseudo-variables, AVPs and formats.
extension Binder {
    /// What a variable is used for: reading needs a getter, writing a setter.
    enum Purpose {
        case read
        case write
    }

    /// Binds a variable as written; nil when it means nothing, which was reported.
    func variable(_ syntax: Syntax.Variable, for purpose: Purpose = .read) -> CompiledVariable? {
        guard variableDepth < Binder.variableLimit else {
            diagnostics.error(
                "pseudo-variables nested deeper than \(Binder.variableLimit) levels", at: syntax.range)
            return nil
        }
        variableDepth += 1
        defer { variableDepth -= 1 }
        guard let (declaration, inner) = declaration(of: syntax) else { return nil }
        if declaration.isOfTransaction, isBeforeTransaction {
            diagnostics.warning(
                "`$\(declaration.name)` tells of the request's transaction, and there is none yet", at: syntax.range,
                hint: "it has a value in reply and failure routes, and behind `t_relay` or `t_newtran`")
        }
        if purpose == .write, declaration.name == "avp", inner?.range == syntax.name.range, isAttribute(syntax.name) {
            return nil
        }
        if purpose == .write, declaration.set == nil {
            diagnostics.error("`$\(declaration.name)` is read-only", at: syntax.range)
            return nil
        }
        var compiled = CompiledVariable(declaration, text: memory.text(syntax.range.text))
        guard bind(inner, of: syntax, declaration, &compiled), bindIndex(syntax, declaration, &compiled) else {
            return nil
        }
        note(compiled, purpose, at: syntax.range)
        return bindTransformations(syntax, &compiled) ? compiled : nil
    }

    /// As a pointer that lives as long as the program: what modules are handed.
    func keptVariable(_ syntax: Syntax.Variable, for purpose: Purpose = .read) -> UnsafePointer<CompiledVariable>? {
        variable(syntax, for: purpose).map { UnsafePointer(memory.place($0)) }
    }

    /// A variable whose value is never a text.
    func isNumber(_ syntax: Syntax.Variable) -> Bool {
        guard syntax.form != .percent, syntax.form != .bare || syntax.dialect != .ser else { return false }
        return registry.variables[syntax.name.text]?.isNumber ?? false
    }

    // MARK: Names

    /// The declaration that a name means in its dialect, with the inner name that it has then.
    private func declaration(of syntax: Syntax.Variable) -> (VariableDeclaration, Syntax.Text?)? {
        let name = syntax.name
        switch syntax.form {
        case .percent: return avp(name)
        case .call, .enclosed: break
        case .bare:
            let always = ["?", "rc", "retcode", "$"].contains(name.text)
            if syntax.dialect == .ser, !always { return avp(name) }
            if syntax.dialect == .maximal, registry.variables[name.text] == nil, !always {
                if !hasClass(name.text) { remarkAVP(name) }
                return avp(name)
            }
        }
        if let declaration = registry.variables[name.text] ?? defineVariable(name.text) {
            return (declaration, syntax.inner)
        }
        reportUnknown(name)
        return nil
    }

    /// `f.`, `tu.` … in front of an AVP's name say whose it is; the prefix is a part of the name.
    private func hasClass(_ name: String) -> Bool {
        guard let dot = name.firstIndex(of: ".") else { return false }
        return ["f", "fr", "fu", "fd", "t", "tr", "tu", "td", "g"].contains(String(name[..<dot]))
    }

    /// Domain and global attributes can be read only; says so.
    private func isAttribute(_ name: Syntax.Name) -> Bool {
        guard let dot = name.text.firstIndex(of: "."), ["fd", "td", "g"].contains(String(name.text[..<dot])) else {
            return false
        }
        let whose = name.text.hasPrefix("g") ? "global attributes" : "attributes of a domain"
        diagnostics.error(
            "\(whose) are read-only: `$\(name.text)`", at: name.range,
            hint: "AVPs of the script have no prefix, `f.` or `t.`")
        return true
    }

    private func avp(_ name: Syntax.Name) -> (VariableDeclaration, Syntax.Text?)? {
        guard let declaration = registry.variables["avp"] else {
            diagnostics.error("AVPs are not there", at: name.range)
            return nil
        }
        return (declaration, Syntax.Text(bytes: Array(name.text.utf8), range: name.range))
    }

    private func reportUnknown(_ name: Syntax.Name) {
        let near = Suggest.nearest(to: name.text, among: registry.variables.keys)
        if let module = KnownNames.module(ofVariable: name.text) {
            if diagnostics.errors > 0, isAskedFor(module) { return }
            diagnostics.error(
                "`$\(name.text)` is a pseudo-variable of module \(module), which is not loaded", at: name.range,
                hint: "load `\(module).so`: `loadmodule \"\(module).so\"`")
        } else {
            diagnostics.error(
                "unknown pseudo-variable `$\(name.text)`", at: name.range, hint: near.map { "did you mean `$\($0)`?" })
        }
    }

    // MARK: The inner name

    private func bind(
        _ inner: Syntax.Text?, of syntax: Syntax.Variable, _ declaration: VariableDeclaration,
        _ compiled: inout CompiledVariable
    ) -> Bool {
        let rule = declaration.inner
        guard let inner, !inner.bytes.isEmpty else {
            if rule.names == .none {
                guard inner != nil else { return true }
                diagnostics.error("`$\(declaration.name)` takes nothing in parentheses", at: syntax.range)
                return false
            }
            if rule.optional, inner == nil { return true }
            diagnostics.error(
                "`$\(declaration.name)` needs a name in parentheses", at: syntax.range,
                hint: innerHint(declaration))
            return false
        }
        if rule.names == .none {
            diagnostics.error("`$\(declaration.name)` takes nothing in parentheses", at: inner.range)
            return false
        }
        if let define = Binder.defineFamily[declaration.name] { return bindDefine(inner, define, &compiled) }
        if declaration.name == "cnt" { return bindCounted(inner, syntax.dialect, &compiled) }
        if rule.names == .variable { return bindInnerVariable(inner, syntax.dialect, &compiled) }
        if declaration.name == "avp", let meant = avpAlias(inner) {
            compiled.inner = memory.text(meant)
            return true
        }
        if declaration.dynamic, inner.bytes.contains(UInt8(ascii: "$")) {
            guard let format = format(inner, dialect: syntax.dialect) else { return false }
            if !format.isConstant {
                compiled.innerFormat = UnsafePointer(memory.place(format.compiled))
                return true
            }
        }
        compiled.inner = memory.text(inner.bytes)
        return bindPlace(inner, declaration, &compiled)
    }

    /// What another name of an AVP stands for.
    private func avpAlias(_ inner: Syntax.Text) -> String? { registry.avpAliases[inner.string] }

    /// The place of the inner name in its list, or the number of a `$var`.
    private func bindPlace(
        _ inner: Syntax.Text, _ declaration: VariableDeclaration, _ compiled: inout CompiledVariable
    ) -> Bool {
        let name = inner.string
        switch declaration.inner.names {
        case .none, .variable: return false
        case .any:
            if ["var", "vz", "vn"].contains(declaration.name) {
                return bindNumber(declaration.name, inner, &compiled)
            }
            if ["Mf", "Sf", "Bf"].contains(declaration.name) { return bindFlag(inner, &compiled) }
            if declaration.name == "sel" { return bindSelect(inner, &compiled) }
            return true
        case .oneOf(let names):
            guard let place = names.firstIndex(of: name) else {
                diagnostics.error(
                    "`$\(declaration.name)` does not know `\(name)`", at: inner.range,
                    hint: Suggest.hint(for: name, among: names) ?? innerHint(declaration))
                return false
            }
            compiled.innerID = Int32(place)
            return true
        }
    }

    /// The number under which a run keeps a `$var`.
    private func bindNumber(_ family: String, _ inner: Syntax.Text, _ compiled: inout CompiledVariable) -> Bool {
        guard let number = runVariables.number(family, inner.string) else {
            diagnostics.error("too many variables come from module parameters alone", at: inner.range)
            return false
        }
        compiled.innerID = Int32(number)
        return true
    }

    /// The path of a select; what the getter looks at goes to it in `user`.
    private func bindSelect(_ inner: Syntax.Text, _ compiled: inout CompiledVariable) -> Bool {
        guard isCompiling else {
            diagnostics.error("a select is unknown in a text that is made at run time", at: inner.range)
            return false
        }
        let (name, path) = SelectPath.split(inner.string)
        if let select = registry.selects[name] { return bind(select, path, inner, &compiled) }
        do throws(SelectPath.Mistake) {
            var select = try SelectPath.compile(
                inner.string, parameters: registry.changeable, modules: registry.selects.keys
            ) { memory.text($0) }
            // The group, of which an instance may be chosen.
            if select.subject == .parameter {
                select.key = memory.text(registry.changeable.all[Int(select.index)].group)
            }
            compiled.user = UnsafeMutableRawPointer(memory.place(select))
            return true
        } catch {
            diagnostics.error(error.text, at: inner.range, hint: error.hint)
            return false
        }
    }

    /// A select of a module's: it reads the path itself.
    private func bind(
        _ select: SelectDeclaration, _ path: String, _ inner: Syntax.Text, _ compiled: inout CompiledVariable
    ) -> Bool {
        let (diagnostics, owner) = (diagnostics, select.owner)
        let text = memory.text(path)
        let tell: Declarer.Tell = { diagnostics.remark($0, "\(owner.name): \($1)", at: inner.range) }
        let verdict = owner.look(tell) { select.prepare(owner.host, text, $0, $1) }
        switch verdict {
        case .accepted(let prepared):
            compiled.get = select.get
            compiled.access.host = owner.host
            compiled.user = prepared
            return true
        case .refused(let reason, let offset):
            let start = min(select.name.utf8.count + offset, max(inner.bytes.count - 1, 0))
            diagnostics.error(
                reason.isEmpty ? "`@\(inner.string)` is wrong" : reason,
                at: inner.range(of: start..<inner.bytes.count), hint: "@\(select.name): \(select.doc)")
            return false
        }
    }

    /// The number of a flag, which may be written as its name.
    private func bindFlag(_ inner: Syntax.Text, _ compiled: inout CompiledVariable) -> Bool {
        guard let number = flag(named: inner.string) else {
            diagnostics.error(
                "`\(inner.string)` is no flag", at: inner.range,
                hint: Suggest.hint(for: inner.string, among: settings.flags.keys) ?? "a number from 0 to 31, or a name")
            return false
        }
        compiled.innerID = Int32(number)
        return true
    }

    private func innerHint(_ declaration: VariableDeclaration) -> String? {
        switch declaration.inner.names {
        case .none: nil
        case .any: "write `$\(declaration.name)(…)`"
        case .variable: "a pseudo-variable: `$\(declaration.name)($ru)`"
        case .oneOf(let names): "one of \(names.joined(separator: ", "))"
        }
    }

    /// `$cnt(avp(x))`, `$cnt($avp(x))`: the variable that is counted goes to the getter.
    private func bindCounted(_ inner: Syntax.Text, _ dialect: Syntax.Dialect, _ compiled: inout CompiledVariable)
        -> Bool
    {
        guard let syntax = innerSyntax(inner, dialect), let counted = keptVariable(syntax),
            let (declaration, _) = declaration(of: syntax)
        else { return false }
        compiled.user = UnsafeMutableRawPointer(mutating: counted)
        compiled.innerID = CoreVariables.Counting(declaration).rawValue
        compiled.inner = memory.text(inner.bytes)
        return true
    }

    /// `$T_rpl($rs)`, `$T_rpl(rs)`
    private func bindInnerVariable(
        _ inner: Syntax.Text, _ dialect: Syntax.Dialect, _ compiled: inout CompiledVariable
    ) -> Bool {
        guard let variable = innerSyntax(inner, dialect).flatMap({ keptVariable($0) }) else { return false }
        compiled.innerVariable = variable
        compiled.inner = memory.text(inner.bytes)
        return true
    }

    /// The pseudo-variable that an inner name is, with its `$` or without.
    private func innerSyntax(_ inner: Syntax.Text, _ dialect: Syntax.Dialect) -> Syntax.Variable? {
        let text =
            inner.bytes.first == UInt8(ascii: "$")
            ? inner : Syntax.Text(bytes: [UInt8(ascii: "$")] + inner.bytes, range: inner.range)
        return readVariable(text, dialect: dialect)
    }

    /// The `$var(…)` of the script, which modules can ask for by name.
    var namedVariables: [ProgramImage.NamedVariable] {
        guard let declaration = registry.variables["var"] else { return [] }
        return runVariables.names.enumerated().compactMap { number, key in
            guard key.hasPrefix("var(") else { return nil }
            var compiled = CompiledVariable(declaration, text: memory.text("$" + key))
            compiled.inner = memory.text(String(key.dropFirst(4).dropLast()))
            compiled.innerID = Int32(number)
            return ProgramImage.NamedVariable(name: compiled.inner, variable: UnsafePointer(memory.place(compiled)))
        }
    }

    // MARK: Defines

    /// How `$def(ID)` and its kin give a define's value.
    private enum DefineForm { case value, number, unquoted, quoted }

    private static let defineFamily: [String: DefineForm] = [
        "def": .value, "defn": .number, "defv": .unquoted, "defs": .quoted,
    ]

    /// The variable's value is its inner name: the binder puts the define's value there.
    private func defineVariable(_ name: String) -> VariableDeclaration? {
        guard Binder.defineFamily[name] != nil, let host = registry.variables.values.first?.owner else { return nil }
        return VariableDeclaration(
            owner: host, name: name, inner: InnerNameRule("*"), flags: 0, doc: "The value of a define.",
            get: { access, out in
                if access.pointee.inner_id == 0 { return -1 }
                out.pointee = apus_value(access.pointee.inner)
                if access.pointee.inner_id == 2 { out.pointee = apus_value(access.pointee.inner.asInt) }
                return 1
            }, set: nil, user: nil)
    }

    private func bindDefine(_ inner: Syntax.Text, _ form: DefineForm, _ compiled: inout CompiledVariable) -> Bool {
        let define = tree.defines[inner.string]
        var value = define ?? []
        compiled.innerID = define == nil && form != .number ? 0 : form == .number ? 2 : 1
        let quotes: [UInt8] = [UInt8(ascii: "\""), UInt8(ascii: "'")]
        if form == .unquoted || form == .quoted, value.count > 1, let quote = value.first, quotes.contains(quote),
            value.last == quote
        {
            value = Array(value.dropFirst().dropLast())
        }
        if form == .quoted { value = [quotes[0]] + value + [quotes[0]] }
        compiled.inner = memory.text(value)
        return true
    }

    // MARK: Index

    private func bindIndex(
        _ syntax: Syntax.Variable, _ declaration: VariableDeclaration, _ compiled: inout CompiledVariable
    ) -> Bool {
        guard let index = syntax.index else { return true }
        guard declaration.indexed else {
            diagnostics.error("`$\(declaration.name)` takes no index", at: index.range)
            return false
        }
        switch index.value {
        case .number(let number):
            compiled.indexKind = UInt32(APUS_INDEX_NUMBER)
            compiled.index = Int64(number)
        case .all: compiled.indexKind = UInt32(APUS_INDEX_ALL)
        case .next:
            diagnostics.error("`$\(declaration.name)` cannot be walked through with `[+]`", at: index.range)
            return false
        case .variable(let variable):
            guard let bound = keptVariable(variable) else { return false }
            compiled.indexVariable = bound
        }
        return true
    }

    // MARK: Formats

    /// A text with its variables bound.
    struct BoundFormat {
        let compiled: CompiledFormat
        /// The same for every message.
        let isConstant: Bool
        /// The text of a constant one.
        let constant: [UInt8]
    }

    func readVariable(_ text: Syntax.Text, dialect: Syntax.Dialect) -> Syntax.Variable? {
        do throws(VariableReader.Mistake) {
            return try VariableReader.variable(text, dialect: dialect.inTexts, isKnown: isVariable)
        } catch {
            diagnostics.error(error.message, at: error.range, hint: error.hint)
            return nil
        }
    }

    /// Reads and binds a text; nil when something in it means nothing, which was reported.
    ///
    /// - Parameter lenient: a `$` that begins no known variable is an ordinary character, as in a regular expression.
    func format(_ text: Syntax.Text, dialect: Syntax.Dialect, lenient: Bool = false) -> BoundFormat? {
        let syntax: Syntax.Format
        do throws(VariableReader.Mistake) {
            syntax = try VariableReader.format(text, dialect: dialect, lenient: lenient, isKnown: isVariable)
        } catch {
            diagnostics.error(error.message, at: error.range, hint: error.hint)
            return nil
        }
        return bind(syntax)
    }

    private func bind(_ syntax: Syntax.Format) -> BoundFormat? {
        var pieces: [CompiledFormat.Piece] = []
        var constant: [UInt8] = []
        var isComplete = true
        for piece in syntax.pieces {
            switch piece {
            case .text(let bytes):
                constant += bytes
                pieces.append(CompiledFormat.Piece(text: memory.text(bytes), variable: nil))
            case .variable(let variable):
                guard let bound = keptVariable(variable) else {
                    isComplete = false
                    continue
                }
                pieces.append(CompiledFormat.Piece(text: apus_str(), variable: bound))
            }
        }
        guard isComplete else { return nil }
        return BoundFormat(
            compiled: CompiledFormat(pieces: UnsafePointer(memory.table(pieces)), count: pieces.count),
            isConstant: syntax.isConstant, constant: constant)
    }

    /// A format of one variable: what `f($rU)` hands over.
    func format(of variable: CompiledVariable) -> CompiledFormat {
        let piece = CompiledFormat.Piece(text: apus_str(), variable: UnsafePointer(memory.place(variable)))
        return CompiledFormat(pieces: UnsafePointer(memory.table([piece])), count: 1)
    }

    /// "one argument", "1 to 3 arguments"
    static func countText(_ range: ClosedRange<Int>) -> String {
        if range.upperBound == Int.max {
            return "at least \(range.lowerBound) argument\(range.lowerBound == 1 ? "" : "s")"
        }
        if range.lowerBound == range.upperBound {
            return range.lowerBound == 0
                ? "no argument" : "\(range.lowerBound) argument\(range.lowerBound == 1 ? "" : "s")"
        }
        return "\(range.lowerBound) to \(range.upperBound) arguments"
    }
}

extension CompiledVariable {
    /// Without inner name, index and transformations.
    fileprivate init(_ declaration: VariableDeclaration, text: apus_str) {
        self.init(
            get: declaration.get, set: declaration.set, ask: declaration.ask,
            access: apus_access(
                size: UInt32(MemoryLayout<apus_access>.size), index_kind: UInt32(APUS_INDEX_NONE), index: 0,
                host: declaration.owner.host,
                // No run and no message yet: neither is looked at before a reading has put its own there.
                run: OpaquePointer(declaration.owner.host), msg: OpaquePointer(declaration.owner.host),
                inner: apus_str(), inner_id: -1, route_kind: 0, user: declaration.user, variable: nil),
            innerFormat: nil, indexVariable: nil, transformations: nil, transformationCount: 0, text: text)
    }
}
