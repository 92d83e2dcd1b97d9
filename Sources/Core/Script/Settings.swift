/// The values of the global parameters, checked. What was not set has its default.
struct Settings: Sendable {
    enum Value: Sendable, Equatable {
        case number(Int64)
        case text(String)
    }

    /// A parameter of a module that an old global stands for: `fifo` of SER is `fifo_name` of mi_fifo.
    struct ModuleParameter: Sendable {
        let module: String
        let name: String
        let value: Value
        let range: SourceRange
    }

    /// A parameter of the script's own: `group.name = value desc "…"`.
    struct Custom: Sendable {
        let group: String
        let name: String
        /// The instance of `cfg_select`; nil for the group's own value.
        let instance: Int64?
        let value: Value
        let description: String?
        let range: SourceRange

        /// `pstn`, of an instance `pstn[2]`.
        var groupText: String { instance.map { "\(group)[\($0)]" } ?? group }
    }

    /// What was set, by canonical name.
    private(set) var values: [String: Value] = [:]
    /// Where it was set.
    private(set) var ranges: [String: SourceRange] = [:]
    private(set) var custom: [Custom] = []
    private(set) var listeners: [Syntax.Listen] = []
    private(set) var aliases: [Syntax.HostPattern] = []
    /// Number of each declared message flag and AVP flag.
    private(set) var flags: [String: Int] = [:]
    private(set) var avpFlags: [String: Int] = [:]
    private(set) var moduleParameters: [ModuleParameter] = []
    /// Names of parameters that were set and mean nothing in this version, in the order of the config.
    private(set) var withoutEffect: [String] = []
    let dialect: Syntax.Dialect

    /// Defaults alone.
    init(dialect: Syntax.Dialect = .maximal) { self.dialect = dialect }

    // MARK: Reading

    /// A number; 0 for a parameter that has no default.
    func number(_ name: String) -> Int {
        if case .number(let value)? = values[name] { return Int(value) }
        if dialect == .ser, let value = Settings.serDefaults[name] { return value }
        guard let initial = Global.named[name]?.initial else { return 0 }
        return Int(Keywords.number(initial) ?? Int64(initial) ?? 0)
    }

    func isOn(_ name: String) -> Bool { number(name) != 0 }

    /// A text; nil for a parameter that was not set and has no default.
    func text(_ name: String) -> String? {
        switch values[name] {
        case .text(let value): value
        case .number(let value): String(value)
        case nil: Global.named[name]?.initial
        }
    }

    func isSet(_ name: String) -> Bool { values[name] != nil }

    /// SER's own defaults.
    private static let serDefaults = ["debug": 2, "sip_warning": 1]

    // MARK: Building

    /// Checks and takes in the globals of a config.
    ///
    /// - Parameter moduleParameter: the modules that have a parameter of that name, for the hint on a misplaced one.
    static func build(
        _ tree: Syntax.Tree, diagnostics: Diagnostics, moduleParameter: (String) -> [String] = { _ in [] }
    ) -> Settings {
        var settings = Settings(dialect: tree.dialect)
        var ignored: [String] = []
        var later: [String] = []
        var firstIgnored: SourceRange?
        var firstLater: SourceRange?
        for statement in tree.statements {
            switch statement {
            case .setting(let setting):
                guard let global = settings.take(setting, diagnostics, moduleParameter) else { continue }
                if global.treatment == .ignored {
                    ignored.append(setting.name.text)
                    firstIgnored = firstIgnored ?? setting.name.range
                } else if global.treatment == .later {
                    later.append(setting.name.text)
                    firstLater = firstLater ?? setting.name.range
                }
            case .customSetting(let setting): settings.take(setting)
            case .listen(let listen): settings.take(listen, diagnostics)
            case .alias(let pattern): settings.aliases.append(pattern)
            case .flags(let declarations): settings.take(declarations, diagnostics)
            default: break
            }
        }
        for name in ignored + later where !settings.withoutEffect.contains(name) { settings.withoutEffect.append(name) }
        if !ignored.isEmpty {
            diagnostics.info("accepted, without meaning here: \(ignored.joined(separator: ", "))", at: firstIgnored)
        }
        if !later.isEmpty {
            diagnostics.info(
                "checked, without effect in this version: \(later.joined(separator: ", "))", at: firstLater)
        }
        return settings
    }

    private mutating func take(
        _ setting: Syntax.Setting, _ diagnostics: Diagnostics, _ moduleParameter: (String) -> [String]
    ) -> Global? {
        if setting.parameter.hasPrefix("coreparam[") { return takeCoreParameter(setting, diagnostics) }
        guard let global = Global.named[setting.parameter] else {
            Settings.reportUnknown(setting, diagnostics, moduleParameter)
            return nil
        }
        guard let value = Settings.check(setting.value, global, setting.name.text, diagnostics),
            Settings.isSensible(value, global, setting, diagnostics)
        else { return nil }
        if global.treatment == .mapped {
            map(global, setting, value, diagnostics)
            return nil
        }
        set(global.name, value, setting.name.range, diagnostics)
        return global
    }

    private mutating func set(_ name: String, _ value: Value, _ range: SourceRange, _ diagnostics: Diagnostics) {
        if let first = ranges[name] {
            diagnostics.warning(
                "`\(name)` is set twice; this value counts", at: range,
                notes: [Diagnostic.Note("first set here", at: first)])
        }
        values[name] = value
        ranges[name] = range
    }

    private static func reportUnknown(
        _ setting: Syntax.Setting, _ diagnostics: Diagnostics, _ moduleParameter: (String) -> [String]
    ) {
        let name = setting.name.text
        if let module = moduleParameter(name).first {
            diagnostics.error(
                "`\(name)` is a parameter of module \(module)", at: setting.name.range,
                hint: "write `modparam(\"\(module)\", \"\(name)\", \(setting.value.range.text))`")
            return
        }
        if CoreNames.functions.contains(name) || Keywords.statements.contains(name)
            || KnownNames.module(ofFunction: name) != nil
        {
            diagnostics.error("`\(name)` belongs inside a route block", at: setting.name.range)
            return
        }
        diagnostics.error(
            "unknown global parameter `\(name)`", at: setting.name.range,
            hint: Suggest.hint(for: name, among: Global.names))
    }

    // MARK: Types

    private static func check(
        _ constant: Syntax.Constant, _ global: Global, _ name: String, _ diagnostics: Diagnostics
    ) -> Value? {
        switch (global.kind, constant.value) {
        case (.bool, .number(let number)), (.number, .number(let number)), (.mixed, .number(let number)):
            return inRange(number, global, name, constant, diagnostics)
        case (.bool, .word(let word)), (.number, .word(let word)):
            if let number = Keywords.number(word) { return inRange(number, global, name, constant, diagnostics) }
            let hint =
                global.kind == .bool ? Suggest.hint(for: word, among: Keywords.booleans.keys) ?? "`yes` or `no`" : nil
            diagnostics.error("`\(name)` takes a number, not `\(word)`", at: constant.range, hint: hint)
            return nil
        case (.bool, .text(let text)), (.number, .text(let text)):
            diagnostics.error(
                "`\(name)` takes a number, not a string", at: constant.range,
                hint: Int(text.string) == nil ? nil : "leave the quotes away: `\(name) = \(text.string)`")
            return nil
        case (.string, .number), (.string, .word):
            diagnostics.error(
                "`\(name)` takes a string", at: constant.range,
                hint: "write it in quotes: `\(name) = \"\(constant.range.text)\"`")
            return nil
        case (_, .text(let text)): return word(text.string, global, name, constant, diagnostics)
        case (_, .word(let text)): return word(text, global, name, constant, diagnostics)
        case (.word, .number(let number)): return word(String(number), global, name, constant, diagnostics)
        }
    }

    /// What types and ranges do not tell.
    private static func isSensible(
        _ value: Value, _ global: Global, _ setting: Syntax.Setting, _ diagnostics: Diagnostics
    ) -> Bool {
        let place = setting.value.range
        switch (global.name, value) {
        case ("server_header", .text(let line)), ("user_agent_header", .text(let line)):
            let header = global.name == "server_header" ? "Server:" : "User-Agent:"
            if !line.lowercased().hasPrefix(header.lowercased()) {
                diagnostics.warning(
                    "`\(setting.name.text)` is a whole header line and begins with `\(header)`", at: place,
                    hint: "write `\(setting.name.text) = \"\(header) \(line)\"`")
            }
        case ("ipv6_hex_style", .text(let style)):
            guard let first = style.first, "aAc".contains(first) else {
                diagnostics.error(
                    "`ipv6_hex_style` does not know `\(style)`", at: place,
                    hint: "`c` compressed, `a` full in lower case, `A` in upper case")
                return false
            }
        case ("sip_warning_for", .text(let list)):
            let items = list.split { $0 == " " || $0 == "," }
            guard let wrong = items.first(where: { Conditions.Net(String($0)) == nil }) else { break }
            diagnostics.error(
                "`\(wrong)` is no network", at: place, hint: "networks with blanks between them: `10.0.0.0/8 192.0.2.1`"
            )
            return false
        case ("bind_ipv6_link_local", .number(3)):
            diagnostics.error(
                "link-local addresses cannot be both bound and left out", at: place,
                hint: "1 binds them, 2 leaves them out")
            return false
        default: break
        }
        return true
    }

    private static func inRange(
        _ number: Int64, _ global: Global, _ name: String, _ constant: Syntax.Constant, _ diagnostics: Diagnostics
    ) -> Value? {
        if global.kind == .bool || global.range.contains(number) { return .number(number) }
        diagnostics.error(
            "`\(name)` is out of range: \(global.range.lowerBound) to \(global.range.upperBound)", at: constant.range)
        return nil
    }

    private static func word(
        _ text: String, _ global: Global, _ name: String, _ constant: Syntax.Constant, _ diagnostics: Diagnostics
    ) -> Value? {
        if global.words.isEmpty || global.words.contains(text) { return .text(text) }
        diagnostics.error(
            "`\(name)` does not know `\(text)`", at: constant.range,
            hint: Suggest.hint(for: text, among: global.words) ?? "one of \(global.words.joined(separator: ", "))")
        return nil
    }

    private mutating func takeCoreParameter(_ setting: Syntax.Setting, _ diagnostics: Diagnostics) -> Global? {
        let known = ["iuid", "random_engine", "timer_sanity_check"]
        let name = String(setting.parameter.dropFirst("coreparam[".count).dropLast())
        guard known.contains(name) else {
            diagnostics.error(
                "unknown core parameter `\(name)`", at: setting.name.range,
                hint: Suggest.hint(for: name, among: known) ?? "one of \(known.joined(separator: ", "))")
            return nil
        }
        switch (name, setting.value.value) {
        case ("timer_sanity_check", .number(let number)):
            set(setting.parameter, .number(number), setting.name.range, diagnostics)
        case ("timer_sanity_check", _):
            diagnostics.error("`\(name)` takes a number", at: setting.value.range)
        case (_, .text(let text)): set(setting.parameter, .text(text.string), setting.name.range, diagnostics)
        default: diagnostics.error("`\(name)` takes a string", at: setting.value.range)
        }
        return nil
    }

    // MARK: Lists

    private mutating func take(_ setting: Syntax.CustomSetting) {
        let value: Value
        switch setting.value.value {
        case .number(let number): value = .number(number)
        case .text(let text): value = .text(text.string)
        case .word(let word): value = Keywords.number(word).map(Value.number) ?? .text(word)
        }
        custom.append(
            Custom(
                group: setting.group.text, name: setting.name.text, instance: setting.instance, value: value,
                description: setting.description?.string, range: setting.group.range.through(setting.name.range)))
    }

    private mutating func take(_ listen: Syntax.Listen, _ diagnostics: Diagnostics) {
        let same = listeners.first {
            $0.transport == listen.transport && $0.ports == listen.ports
                && $0.hosts.map(\.text) == listen.hosts.map(\.text)
        }
        if let same {
            diagnostics.warning(
                "this address is listened on already", at: listen.range,
                notes: [Diagnostic.Note("first one", at: same.range)])
            return
        }
        listeners.append(listen)
    }

    private mutating func take(_ declarations: Syntax.FlagDeclarations, _ diagnostics: Diagnostics) {
        let isMessage = declarations.kind == .message
        var table = isMessage ? flags : avpFlags
        for flag in declarations.flags {
            if let known = table[flag.name.text] {
                if flag.number != nil, flag.number != known {
                    diagnostics.error(
                        "flag `\(flag.name.text)` is declared twice, with different numbers", at: flag.name.range)
                }
                continue
            }
            if let number = flag.number {
                if let other = table.first(where: { $0.value == number })?.key {
                    diagnostics.warning(
                        "flag \(number) has two names, `\(other)` and `\(flag.name.text)`", at: flag.name.range)
                }
                table[flag.name.text] = number
            } else if let free = (0...31).first(where: { !table.values.contains($0) }) {
                table[flag.name.text] = free
            } else {
                diagnostics.error("no number is left for flag `\(flag.name.text)`: there are 32", at: flag.name.range)
            }
        }
        if isMessage { flags = table } else { avpFlags = table }
    }

    // MARK: Old names

    /// Where SER's globals went: module and parameter, or another global.
    private static let moved: [String: (module: String, parameter: String)] = [
        "fifo": ("mi_fifo", "ser_fifo"), "fifo_mode": ("mi_fifo", "fifo_mode"), "file_mode": ("mi_fifo", "fifo_mode"),
        "sock_mode": ("mi_datagram", "unix_socket_mode"), "fifo_user": ("mi_fifo", "fifo_user"),
        "sock_user": ("mi_datagram", "unix_socket_user"), "fifo_group": ("mi_fifo", "fifo_group"),
        "sock_group": ("mi_datagram", "unix_socket_group"), "fifo_dir": ("mi_fifo", "reply_dir"),
        "unix_sock": ("mi_datagram", "ser_socket"), "unix_sock_children": ("mi_datagram", "children_count"),
        "unix_tx_timeout": ("tm", "unix_tx_timeout"),
    ]

    private mutating func map(
        _ global: Global, _ setting: Syntax.Setting, _ value: Value, _ diagnostics: Diagnostics
    ) {
        let written = setting.value.range.text
        if let (module, parameter) = Settings.moved[global.name] {
            diagnostics.notice(
                "`\(setting.name.text)` is now a parameter of module \(module)", at: setting.name.range,
                hint: "write `modparam(\"\(module)\", \"\(parameter)\", \(written))`")
            moduleParameters.append(
                ModuleParameter(module: module, name: parameter, value: value, range: setting.name.range))
        } else if global.name.contains("blacklist") {
            let name = global.name.split(separator: "blacklist", omittingEmptySubsequences: false).joined(
                separator: "blocklist")
            diagnostics.notice(
                "`\(setting.name.text)` is an old spelling", at: setting.name.range,
                hint: "write `\(name) = \(written)`")
            set(name, value, setting.name.range, diagnostics)
        } else {
            diagnostics.notice("`\(setting.name.text)` has no effect any more", at: setting.name.range)
        }
    }
}

extension Settings {
    // What the server reads most. Units stand in the names or beside them.

    /// Number of workers; 0 was written: the default.
    var children: Int { number("children") == 0 ? 8 : number("children") }
    /// Port of listeners that name none.
    var port: Int { number("port") }
    /// Log level.
    var debug: Int { number("debug") }
    /// Log to stderr instead of syslog.
    var logsToStandardError: Bool { isOn("log_stderror") }
    var logPrefix: String? { text("log_prefix") }
    /// 0: no limit.
    var maximumWhileLoops: Int { number("max_while_loops") }
    var maximumRecursion: Int { number("max_recursive_level") }
    /// 1: calls give their raw code, and everything but 0 is true.
    var returnMode: Int { number("return_mode") }
}
