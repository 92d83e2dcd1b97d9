/// Statements outside of route blocks.
extension Syntax {
    enum GlobalStatement: Sendable {
        case setting(Setting)
        case customSetting(CustomSetting)
        case loadModule(LoadModule)
        case loadPath(LoadPath)
        case moduleParameter(ModuleParameter)
        case listen(Listen)
        case alias(HostPattern)
        case flags(FlagDeclarations)
        case route(RouteBlock)
    }

    /// A constant, the right side of a global.
    struct Constant: Sendable {
        enum Value: Sendable {
            case number(Int64)
            case text(Text)
            /// An unquoted word, host or address.
            case word(String)
        }

        let value: Value
        let range: SourceRange
    }

    /// `children = 4`
    struct Setting: Sendable {
        /// The canonical name of the parameter: aliases are resolved.
        let parameter: String
        /// The name as it was written.
        let name: Name
        let value: Constant
    }

    /// `pstn.gw_ip = "10.0.0.1" desc "The gateway"`, `group[1].name = 5`
    struct CustomSetting: Sendable {
        let group: Name
        let instance: Int64?
        let name: Name
        let value: Constant
        let description: Text?
    }

    /// `loadmodule "tm.so"`, `loadmodulex`
    struct LoadModule: Sendable {
        /// The word that begins the statement.
        let keyword: Name
        let path: Text
        /// `loadmodule("n", "o")`
        let options: Text?
        /// `loadmodulex`: the path holds pseudo-variables.
        var isEvaluated: Bool { keyword.text == "loadmodulex" }

        /// The module's name: the last part of the path, without `.so`.
        var module: String { LoadModule.name(of: path.string) }

        static func name(of path: String) -> String {
            var name = path[...]
            if let slash = name.lastIndex(of: "/") { name = name[name.index(after: slash)...] }
            if name.hasSuffix(".so") { name = name.dropLast(3) }
            return String(name)
        }
    }

    /// `loadpath "a:b"`, `mpath = "…"`
    struct LoadPath: Sendable {
        let keyword: Name
        let path: Text
    }

    /// `modparam("usrloc|registrar", "use_domain", 1)`, `modparamx`
    struct ModuleParameter: Sendable {
        enum Value: Sendable {
            case number(Int64)
            case text(Text)
            /// `modparamx` only.
            case variable(Variable)
        }

        let keyword: Name
        /// A regular expression over module names.
        let module: Text
        let name: Text
        let value: Value
        let valueRange: SourceRange
        /// The whole statement.
        let range: SourceRange
        /// `modparamx`: the value is evaluated once at the start.
        var isEvaluated: Bool { keyword.text == "modparamx" }
    }

    /// A host, an address, a net or an interface, as it was written.
    struct Host: Sendable {
        enum Form: Sendable {
            /// A name of a host or of an interface.
            case name
            case ipv4
            /// Without the brackets.
            case ipv6
            /// `10.0.0.0/8`, `10.0.0.0/255.0.0.0`
            case net
            /// `*`
            case any
        }

        let form: Form
        let text: String
        let range: SourceRange
    }

    /// `[proto:]host[:port]`
    struct HostPattern: Sendable {
        /// nil where none was written, or `*`.
        let transport: Transport?
        let host: Host
        /// nil where none was written, or `*`; else 1–65535.
        let port: Int?
        let range: SourceRange
    }

    enum Transport: String, Sendable, CaseIterable {
        case udp, tcp, tls, sctp, ws, wss
    }

    /// One address of `listen = …`, or a `socket = { … }`.
    struct Listen: Sendable {
        let transport: Transport?
        /// More than one only for `(a, b)`, a multi-homed socket.
        let hosts: [Host]
        /// nil: the value of `port`.
        let ports: ClosedRange<Int>?
        let advertised: HostPattern?
        /// `name "…"`
        let name: Text?
        let isVirtual: Bool
        /// `agname`, `workers` and `vrf` of a `socket = { … }`.
        let group: Text?
        let workers: Int64?
        let vrf: Text?
        let range: SourceRange
    }

    /// `flags FLT_ACC:1, FLT_NAT`
    struct FlagDeclarations: Sendable {
        enum Kind: Sendable { case message, avp }

        struct Flag: Sendable {
            let name: Name
            let number: Int?
        }

        let kind: Kind
        let flags: [Flag]
    }

    /// What a route block is for.
    enum RouteKind: UInt8, Sendable, CaseIterable {
        case request, failure, reply, branch, onsend, event

        /// The word that begins a block of this kind today.
        var keyword: String {
            switch self {
            case .request: "route"
            case .failure: "failure_route"
            case .reply: "onreply_route"
            case .branch: "branch_route"
            case .onsend: "onsend_route"
            case .event: "event_route"
            }
        }
    }

    /// `route[RELAY] { … }`
    struct RouteBlock: Sendable {
        let kind: RouteKind
        /// The word that was written: `request_route`, `onreply_route`, …
        let keyword: Name
        /// nil for the main block of its kind. A number is its decimal value: `route[01]` is named "1".
        let name: Name?
        let body: Block
        let dialect: Dialect

        /// `route[RELAY]`, as it is quoted in messages.
        var title: String { name.map { "\(keyword.text)[\($0.text)]" } ?? keyword.text }
        /// From the keyword to the name.
        var range: SourceRange { name.map { keyword.range.through($0.range) } ?? keyword.range }
    }
}
