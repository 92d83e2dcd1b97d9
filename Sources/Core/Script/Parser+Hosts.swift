/// Hosts, addresses and sockets.
extension Parser {
    /// Tokens that touch and can belong to a host; nil when there is none here.
    func takeHostRun(slash: Bool = false) -> HostRun? {
        var run = HostRun()
        while run.isEmpty || !token.spaceBefore {
            switch kind {
            case .word, .number: run.append(Array(token.word.utf8), token.range)
            case .text: run.append(token.text?.bytes ?? [], token.range, quoted: true)
            case .dot: run.append([UInt8(ascii: ".")], token.range)
            case .minus where !run.isEmpty: run.append([UInt8(ascii: "-")], token.range)
            case .colon: run.append([UInt8(ascii: ":")], token.range)
            case .star: run.append([UInt8(ascii: "*")], token.range)
            case .slash where slash && !run.isEmpty && peek().kind != .text:
                run.append([UInt8(ascii: "/")], token.range)
            case .leftBracket: run.append([UInt8(ascii: "[")], token.range)
            case .rightBracket where !run.isEmpty: run.append([UInt8(ascii: "]")], token.range)
            default: return run.isEmpty ? nil : run
            }
            if kind == .end { break }
            advance()
        }
        return run.isEmpty ? nil : run
    }

    /// Reads the run as what the body makes of it; a mistake is reported at the part that is wrong.
    func reading<Result>(_ run: HostRun, _ body: (HostRun) throws(HostRun.Failure) -> Result) throws -> Result {
        do throws(HostRun.Failure) {
            let result = try body(run)
            if run.hasLeadingZero {
                diagnostics.warning("octet with a leading 0 is read as decimal", at: run.range)
            }
            return result
        } catch {
            throw fail(error.message, at: run.place(error.offset), hint: error.hint)
        }
    }

    /// `[proto:]host[:port]`
    func hostPattern(_ what: String) throws -> Syntax.HostPattern {
        guard let run = takeHostRun() else { throw unexpected(what) }
        let (transport, host, ports) = try reading(run) { run throws(HostRun.Failure) in try run.pattern() }
        return Syntax.HostPattern(transport: transport, host: host, port: ports?.lowerBound, range: run.range)
    }

    /// `listen = id id …`
    func listen(_ keyword: Token) throws {
        guard take(.assign) else { throw unexpected("`=`") }
        repeat {
            tree.statements.append(.listen(try listenAddress()))
            if kind == .comma {
                report("no commas in `\(keyword.word)`", at: token.range, hint: "separate addresses by blanks")
                advance()
            }
        } while continuesList
    }

    /// `alias = id id …`
    func aliases(_ keyword: Token) throws {
        guard take(.assign) else { throw unexpected("`=`") }
        repeat {
            tree.statements.append(.alias(try hostPattern("a host")))
            if kind == .comma {
                report("no commas in `\(keyword.word)`", at: token.range, hint: "separate hosts by blanks")
                advance()
            }
        } while continuesList
    }

    /// Another element of a list that is separated by blanks: on this line anything that can begin a host, on the next one only
    /// what begins no statement.
    private var continuesList: Bool {
        switch kind {
        case .number, .text, .leftBracket, .star: true
        case .leftParen: !token.newlineBefore
        case .word:
            token.newlineBefore
                ? Keywords.transports[token.word] != nil && peek().kind == .colon && !peek().spaceBefore
                : peek().kind != .assign
        default: false
        }
    }

    private func listenAddress() throws -> Syntax.Listen {
        let start = token.range
        var transport: Syntax.Transport?
        var hosts: [Syntax.Host] = []
        var ports: ClosedRange<Int>?
        if Keywords.transports[token.word] != nil, peek().kind == .colon, peek(2).kind == .leftParen {
            transport = Keywords.transports[advance().word]
            advance()
        }
        if kind == .leftParen {
            (hosts, ports) = try multiHomed()
        } else {
            guard let run = takeHostRun() else { throw unexpected("an address to listen on") }
            let (found, host, range) = try reading(run) { run throws(HostRun.Failure) in try run.pattern() }
            (transport, hosts, ports) = (found, [host], range)
        }
        var advertised: Syntax.HostPattern?
        var name: Syntax.Text?
        var isVirtual = false
        while true {
            if takeWord("advertise") {
                advertised = try hostPattern("an address to advertise")
            } else if isWord("name"), peek().kind == .text {
                advance()
                name = advance().text
            } else if takeWord("virtual") {
                isVirtual = true
            } else {
                break
            }
        }
        return Syntax.Listen(
            transport: transport, hosts: hosts, ports: ports, advertised: advertised, name: name, isVirtual: isVirtual,
            group: nil, workers: nil, vrf: nil, range: start.through(previous.range))
    }

    /// `(a, b):port`
    private func multiHomed() throws -> ([Syntax.Host], ClosedRange<Int>?) {
        let opening = advance().range
        var hosts: [Syntax.Host] = []
        repeat {
            guard let run = takeHostRun() else { throw unexpected("an address") }
            hosts.append(try reading(run) { run throws(HostRun.Failure) in try run.net() })
        } while take(.comma)
        try expectClosing(.rightParen, ")", opening: opening, expected: "`,` or `)`")
        guard kind == .colon, !token.spaceBefore else { return (hosts, nil) }
        advance()
        if take(.star) { return (hosts, nil) }
        guard kind == .number else { throw unexpected("a port") }
        let range = token.range
        let port = try number(advance())
        guard (1...65535).contains(port) else { throw fail("port \(port) is out of range: 1 to 65535", at: range) }
        return (hosts, Int(port)...Int(port))
    }

    /// `socket = { bind = …; … }`
    func socketBlock(_ keyword: Token) throws {
        guard take(.assign) else { throw unexpected("`=`") }
        guard kind == .leftBrace else { throw unexpected("`{`") }
        let opening = advance().range
        var pattern: (transport: Syntax.Transport?, host: Syntax.Host, ports: ClosedRange<Int>?)?
        var advertised: Syntax.HostPattern?
        var texts: [String: Syntax.Text] = [:]
        var workers: Int64?
        var isVirtual = false
        while kind != .rightBrace, kind != .end {
            if take(.semicolon) { continue }
            guard kind == .word, peek().kind == .assign else { throw unexpected("`bind = …`") }
            let name = takeName()
            advance()
            switch name.text {
            case "bind":
                guard let run = takeHostRun() else { throw unexpected("an address to listen on") }
                pattern = try reading(run) { run throws(HostRun.Failure) in try run.pattern(ranges: true) }
            case "advertise": advertised = try hostPattern("an address to advertise")
            case "name", "agname", "vrf":
                guard kind == .text else { throw unexpected("a string") }
                texts[name.text] = advance().text
            case "workers": workers = try constantNumber(name)
            case "virtual": isVirtual = try constantNumber(name) != 0
            default:
                let known = ["bind", "advertise", "name", "agname", "workers", "virtual", "vrf"]
                throw fail(
                    "unknown attribute `\(name.text)` of a socket", at: name.range,
                    hint: Suggest.hint(for: name.text, among: known)
                        ?? "attributes are \(known.joined(separator: ", "))")
            }
        }
        try expectClosing(.rightBrace, "}", opening: opening, expected: "`;` or `}`")
        guard let pattern else { throw fail("socket without `bind = …`", at: keyword.range) }
        tree.statements.append(
            .listen(
                Syntax.Listen(
                    transport: pattern.transport, hosts: [pattern.host], ports: pattern.ports, advertised: advertised,
                    name: texts["name"], isVirtual: isVirtual, group: texts["agname"], workers: workers,
                    vrf: texts["vrf"], range: keyword.range.through(previous.range))))
    }

    /// A number or a word that stands for one.
    func constantNumber(_ name: Syntax.Name) throws -> Int64 {
        let negative = take(.minus)
        if kind == .number {
            let value = try number(advance())
            return negative ? -value : value
        }
        if kind == .word, let value = Keywords.number(token.word) {
            advance()
            return value
        }
        throw fail("`\(name.text)` takes a number, not \(token.described)", at: token.range)
    }
}
