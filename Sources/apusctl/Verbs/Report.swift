import BinRPC
import Glibc
import JSON

extension Verb {
    static let report = Verb(
        names: ["report"], group: .monitoring, arguments: "[config]",
        summary: "what a bug report needs: version, system, config check, modules, sockets, threads, counters",
        details: """
            Of the config it shows where mistakes and warnings are, not what stands there; no
            parameter, argument of the command line, address of a user or password is in it.
            Without a name the config is the one of STARTOPTIONS, or of the server that runs.
            A server that does not run is no reason not to report.
            """,
        count: 0...1
    ) { session throws(Failure) in
        try session.refuseFIFO()
        let sections = try Report(session).sections
        if session.json {
            return Output.json(
                .fields(sections.map { ($0.title, .array($0.lines.map { .string($0) })) }))
        }
        for section in sections {
            Output.line("== \(section.title)")
            for line in section.lines { Output.line(line.printable) }
            Output.line("")
        }
    }
}

/// Everything that somebody who looks for a fault asks for first.
struct Report {
    struct Section {
        let title: String
        let lines: [String]
    }

    private let session: Session

    init(_ session: Session) { self.session = session }

    var sections: [Section] {
        get throws(Failure) {
            var sections: [Section] = []
            var isThere = true
            do throws(Failure) {
                sections.append(Section(title: "server", lines: Report.fields(try session.call("core.info"))))
            } catch {
                switch error {
                case .unreachable, .timeout: isThere = false
                default: break
                }
                sections.append(Section(title: "server", lines: Report.lines(error.text)))
            }
            sections.append(Section(title: "system", lines: Report.system))
            sections.append(Section(title: "config check", lines: check(isThere)))
            guard isThere else { return sections }
            sections += [
                section("uptime", "core.uptime") { Uptime.lines($0) },
                section("modules", "core.modules") { [Srv.names($0).reversed().joined(separator: " ")] },
                section("sockets", "core.sockets_list") { $0.flatMap { $0.all(named: "socket") }.map(Srv.socket) },
                section("aliases", "core.aliases_list") { $0.flatMap { $0.all(named: "alias") }.map(Srv.alias) },
                section("threads", "core.psx") { ProcessRow.rows($0).map { "\($0.index)\t\($0.id)\t\($0.text)" } },
                section("log level", "cfg.get", [.text("core"), .text("debug")], of: "cfg_rpc") { $0.map(\.plain) },
                section("connections", "core.tcp_info") { Report.fields($0) },
                section("memory", "core.shmmem") { Report.fields($0) },
                section("scripts", "core.programs") { Report.rows($0) },
                section("statistics", "stats.get_statistics", [.text("all")], of: "kex") { values in
                    Counter.all(values).filter { $0.value != 0 }.map { "\($0.group):\($0.name) = \($0.value)" }
                },
            ]
            return sections
        }
    }

    /// What the server answers to one command, or why it does not.
    private func section(
        _ title: String, _ command: String, _ arguments: [RPCValue] = [], of module: String? = nil,
        _ lines: ([RPCValue]) -> [String]
    ) -> Section {
        do throws(Failure) {
            return Section(title: title, lines: lines(try session.call(command, arguments, of: module)))
        } catch { return Section(title: title, lines: Report.lines(error.text)) }
    }

    // MARK: - The config

    private func check(_ isServerThere: Bool) -> [String] {
        do throws(Failure) {
            let lifecycle = try Lifecycle(session)
            var config = session.arguments.first
            if config == nil, !lifecycle.namesConfig, isServerThere {
                config = Report.config(
                    of: Srv.names(try session.call("core.arg")), in: try session.call("core.pwd").first?.plain ?? "/")
            }
            let lines = Report.shown(try lifecycle.checkReport(config))
            return (config.map { ["file: \($0)"] } ?? []) + lines
        } catch { return Report.lines(error.text) }
    }

    /// The config that a server's command line names, in the folder in which it runs; nil: none is named.
    static func config(of arguments: [String], in folder: String) -> String? {
        guard let place = arguments.lastIndex(of: "-f"), place + 1 < arguments.count else { return nil }
        let name = arguments[place + 1]
        return name.hasPrefix("/") ? name : "\(folder.hasSuffix("/") ? folder : folder + "/")\(name)"
    }

    /// Of a check's words those that say what is wrong and where; lines of the config themselves, and what is in quotes, may hold secrets.
    static func shown(_ lines: [String]) -> [String] {
        lines.filter { line in
            guard let first = line.first, first != " ", first != "\t" else { return false }
            return !line.hasPrefix("hint:")
        }.map(withoutTexts)
    }

    /// Texts in double quotes become `"***"`, and so do the names and passwords of URLs.
    static func withoutTexts(_ line: String) -> String {
        var result = ""
        var isInside = false
        var isEscaped = false
        for letter in line {
            if isInside {
                if isEscaped {
                    isEscaped = false
                } else if letter == "\\" {
                    isEscaped = true
                } else if letter == "\"" {
                    isInside = false
                    result += "***\""
                }
            } else {
                result.append(letter)
                isInside = letter == "\""
            }
        }
        if isInside { result += "***" }
        return result.replacing(#/:\/\/[^\s@]*@/#, with: "://***@")
    }

    // MARK: - Lines

    private static func lines(_ text: String) -> [String] { text.split(separator: "\n").map { String($0) } }

    /// `name: value` of the members of maps.
    private static func fields(_ values: [RPCValue]) -> [String] {
        values.flatMap { value -> [String] in
            guard case .map(let members) = value else { return [value.plain] }
            return members.map { "\(String(decoding: $0.name, as: UTF8.self)): \($0.value.plain)" }
        }
    }

    /// A line for each map.
    private static func rows(_ values: [RPCValue]) -> [String] {
        values.flatMap { value -> [String] in
            if case .array(let values) = value { return rows(values) }
            return [fields([value]).joined(separator: ", ")]
        }
    }

    /// The machine: kernel, distribution, processors.
    private static var system: [String] {
        var name = utsname()
        uname(&name)
        func text<T>(_ value: T) -> String {
            withUnsafeBytes(of: value) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        var lines = ["\(text(name.sysname)) \(text(name.release)) \(text(name.machine))"]
        let release = readFile("/etc/os-release")?.lines.first { $0.hasPrefix("PRETTY_NAME=") }
        if let release { lines.append(release.dropFirst("PRETTY_NAME=".count).filter { $0 != "\"" }) }
        lines.append("processors: \(sysconf(Int32(_SC_NPROCESSORS_ONLN)))")
        return lines
    }
}
