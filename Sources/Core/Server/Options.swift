@preconcurrency import CLinux
import Glibc

/// The command line: the options that Kamailio's and SER's users know. They win over the config.
struct Options {
    /// What the program is to do.
    enum Action: Equatable {
        case serve
        /// `-c`: find every mistake of the config and say so.
        case check
        /// `--cfg-print`: the config after includes and conditionals.
        case printConfig
        case version
        case help
        /// `-M name`: what a module declares; nil: which modules there are.
        case describe(String?)
    }

    /// How far `-D` keeps the server in the foreground.
    enum Foreground: Equatable {
        /// In the background, as a daemon.
        case no
        /// `-D`: one worker.
        case alone
        /// `-DD`: all workers.
        case workers
    }

    var action = Action.serve
    /// Nil: the default config.
    var configPath: String?
    /// `--json`: with `-c`, the mistakes as JSON.
    var json = false
    /// `-d`: each one raises the log level by one.
    var debugIncrease = 0
    /// `--debug=n`
    var debugLevel: Int?
    var foreground = Foreground.no
    /// `-E`
    var logToStderr = false
    var log: String?
    var listens: [String] = []
    var aliases: [String] = []
    var port: Int?
    /// `-n`
    var workers: Int?
    var noTCP = false
    var maxBuffer: Int?
    /// `-L`
    var modulePath: String?
    var workFolder: String?
    var rootFolder: String?
    var user: String?
    var group: String?
    var pidFile: String?
    var runFolder: String?
    var serverID: Int?
    /// `-A ID` and `-A ID=value`, in order.
    var defines: [String] = []
    var substitutions: [(kind: String, text: String)] = []
    var loadModules: [String] = []
    /// `--modparam=module:name:s|i:value`
    var moduleParameters: [String] = []
    /// `-W error`
    var warningsAreErrors = false
    /// `-W style`
    var wantsStyle = false
    /// `-a`, `--check-via`, `-r`, `-R` as the config's parameters.
    var settings: [(name: String, value: Int)] = []
    /// Options of the peers that mean nothing here.
    var ignored: [String] = []

    /// What is wrong with the command line.
    struct Mistake: Error, Equatable {
        let text: String
    }

    private static let short = "+hcrRd::DEVvf:l:p:n:N:Tb:m:w:t:u:g:P:i:A:L:a:G:Y:eKM::W:I:O:Q:S:x:X:"

    private static let long: [(name: String, argument: Bool)] = [
        ("help", false), ("version", false), ("alias", true), ("all-errors", false), ("cfg-print", false),
        ("check-via", false), ("debug", true), ("json", false), ("loadmodule", true), ("log-engine", true),
        ("modparam", true), ("server-id", true), ("subst", true), ("substdef", true), ("substdefs", true),
        ("atexit", true),
    ]
    /// Long options answer this plus their place in `long`.
    private static let firstLong: Int32 = 1000

    /// Reads the arguments, the program's name first. To be called once: getopt keeps its place in globals.
    init(_ arguments: [String]) throws(Mistake) {
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        pointers.append(nil)
        var table = Options.long.enumerated().map { index, entry in
            option(
                name: UnsafePointer(strdup(entry.name)), has_arg: entry.argument ? 1 : 0, flag: nil,
                val: Options.firstLong + Int32(index))
        }
        table.append(option(name: nil, has_arg: 0, flag: nil, val: 0))
        let count = Int32(arguments.count)
        opterr = 0
        optind = 1
        while true {
            let code = getopt_long(count, &pointers, Options.short, table, nil)
            if code == -1 { break }
            var value = optarg.map { String(cString: $0) }
            if code == Int32(UInt8(ascii: "M")), value == nil, optind < count, !arguments[Int(optind)].hasPrefix("-") {
                // getopt takes an optional argument only where it is attached.
                value = arguments[Int(optind)]
                optind += 1
            }
            if code >= Options.firstLong {
                try apply(long: Options.long[Int(code - Options.firstLong)].name, value ?? "")
            } else if code == Int32(UInt8(ascii: "?")) {
                let last = arguments[max(1, Int(optind) - 1)]
                throw Mistake(text: "unknown option or missing value: \(last)")
            } else {
                try apply(short: Character(Unicode.Scalar(UInt8(code))), value)
            }
        }
        if optind < count { throw Mistake(text: "what is `\(arguments[Int(optind)])`? Options begin with a dash") }
    }

    private mutating func apply(short option: Character, _ value: String?) throws(Mistake) {
        let text = value ?? ""
        switch option {
        case "h": action = .help
        case "V", "v": action = .version
        case "c": action = .check
        case "f": configPath = text
        case "d": debugIncrease += 1 + text.count { $0 == "d" }
        case "D": foreground = foreground == .no ? .alone : .workers
        case "E", "e": if option == "E" { logToStderr = true }
        case "l": listens.append(text)
        case "p": port = try number(option, text, 1...65535)
        case "n": workers = try number(option, text, 0...255)
        case "T": noTCP = true
        case "b": maxBuffer = try number(option, text, 1...Int.max)
        case "w": workFolder = text
        case "t": rootFolder = text
        case "u": user = text
        case "g": group = text
        case "P": pidFile = text
        case "Y": runFolder = text
        case "A": defines.append(text)
        case "L": modulePath = text
        case "a": settings.append(("auto_aliases", text == "no" ? 0 : 1))
        case "r": settings.append(("dns", 1))
        case "R": settings.append(("rev_dns", 1))
        case "M": if Int(text) == nil || text.isEmpty { action = .describe(value) } else { ignored.append("-M") }
        case "W":
            switch text {
            case "error": warningsAreErrors = true
            case "style": wantsStyle = true
            // A poll method of Kamailio's.
            default: ignored.append("-W")
            }
        default: ignored.append("-\(option)")
        }
    }

    private mutating func apply(long name: String, _ value: String) throws(Mistake) {
        switch name {
        case "help": action = .help
        case "version": action = .version
        case "cfg-print": action = .printConfig
        case "json": json = true
        case "check-via": settings.append(("check_via", 1))
        case "debug": debugLevel = try number("-debug", value, -5...9)
        case "alias": aliases.append(value)
        case "loadmodule": loadModules.append(value)
        case "modparam": moduleParameters.append(value)
        case "server-id": serverID = try number("-server-id", value, 0...Int.max)
        case "subst", "substdef", "substdefs": substitutions.append((name, value))
        case "all-errors": break
        default: ignored.append("--\(name)")
        }
    }

    private func number(_ option: some CustomStringConvertible, _ text: String, _ range: ClosedRange<Int>)
        throws(Mistake)
        -> Int
    {
        guard let value = Int(text), range.contains(value) else {
            throw Mistake(text: "-\(option) wants a number, not `\(text)`")
        }
        return value
    }

    static let usage = """
        usage: apus [options]

          -f FILE         the config (default: etc/apus/apus.cfg beside the program's folder; - is standard input)
          -c              check the config, print every mistake, and end: 0 when there is none, else 1
              --json      with -c: the mistakes as JSON, for editors
              --cfg-print the config after includes and conditionals
          -D, -DD         stay in the foreground: with one worker, with all
          -E              log to standard error; in the background not to a pipe: then to syslog
          -d              one more level of log, may be repeated;  --debug=N the level itself
          -n N            N workers
          -l ADDRESS      listen there: [proto:]host[:port], may be repeated
          -p PORT         the port where `listen` names none
          -L FOLDERS      where modules are, separated by colons
          -M [MODULE]     what a module declares; without a name, which modules there are
          -A ID[=VALUE]   define it for #!ifdef
          -W error        warnings of the config are errors
          -W style        remarks on what is right but easily misread, too
          -P FILE         write the process id there
          -u USER, -g GROUP   run as them once the sockets are open
          -w FOLDER       working folder      -t FOLDER  chroot
          -V, -v          version             -h         this

          --alias=NAME  --loadmodule=NAME  --modparam=MODULE:NAME:s|i:VALUE  --server-id=N
          --subst=EXP  --substdef=EXP  --substdefs=EXP

        Signals: TERM and INT end the server, a second one at once; USR1 writes statistics to the log; HUP tells modules to reload.
        Exit codes: 0 ended, 1 wrong config or command line, 2 cannot bind or open something.

        """
}
