import PluginAPI

/// A select, `@from.uri.params.x`, as the compiler understood it: what `$sel` looks at.
struct CompiledSelect {
    enum Subject: UInt8 {
        case requestURI, destinationURI, nextHop
        case from, to, contact, referTo, remoteParty, recordRoute
        case via, cseq, callID, method, message, system
        case authorization, proxyAuthorization
        case source, destination, received
        /// A parameter that may change while the server runs; `index` is its number.
        case parameter
        /// The instance of a group that the run goes by; the key is the group.
        case selectedInstance
    }

    enum Part: UInt8 {
        /// All of the subject.
        case whole
        // Of From and its kin.
        case uri, name, tag, parameters, parameter
        // Of a URI.
        case user, host, port, password, hostPort, numberUser, transport, uriType, uriParameters, uriParameter
        // Of a Via.
        case version, comment, branch, rport, receivedAddress, connection, alias
        case number, method
        // Of the message.
        case firstLine, type, length, id, hexID, flags, headers, header, body, sdp, sdpLine
        /// A header up to its parameters.
        case headerWord
        // Of the server.
        case process, unique, serverID, now, localTime, universalTime
        // Of an endpoint.
        case address, addressAndPort, transportName, transportAddressAndPort
        /// A parameter of credentials; the key is the realm, or none.
        case credential
    }

    var subject: Subject
    var part: Part
    /// From 1, as selects count; negative from the end.
    var index: Int32 = 1
    /// Name of a parameter or header.
    var key = apus_str()
    /// Realm of credentials; no text: any.
    var realm = apus_str()
}

/// Reads selects and knows their paths.
enum SelectPath {
    /// What is wrong, and what would be right, in words for the script's author.
    struct Mistake: Error {
        let text: String
        let hint: String
    }

    private enum Piece {
        case name(String)
        case index(Int32)
        case key(String)
    }

    /// Where a path begins: its subject, the paths behind it (`*` stands for a name), and what may stand in brackets.
    private struct Root {
        let subject: CompiledSelect.Subject
        let paths: [String: CompiledSelect.Part]
        var takesIndex = false
        var takesKey = false
    }

    /// Compiles the text behind the `@`.
    /// - Parameters:
    ///   - parameters: those that `cfg_get` reads.
    ///   - modules: what those of modules begin with, to suggest.
    ///   - keep: copies a text for as long as the program lives.
    static func compile(
        _ text: String, parameters: ChangeableParameters, modules: some Collection<String> = [String](),
        keep: (String) -> apus_str
    ) throws(Mistake) -> CompiledSelect {
        var pieces = try pieces(text)[...]
        guard case .name(let name)? = pieces.popFirst() else { throw unknown("", names.union(modules)) }
        if name == "cfg_get" { return try parameter(pieces, parameters) }
        if name == "cfg_selected" { return try selection(pieces, parameters, keep) }
        guard let root = roots[name] else {
            if let module = KnownNames.module(ofSelect: name) {
                throw Mistake(
                    text: "`@\(name)` is a select of module \(module), which is not loaded",
                    hint: "load `\(module).so`: `loadmodule \"\(module).so\"`")
            }
            return try header(name, pieces, among: names.union(modules), keep)
        }
        var select = CompiledSelect(subject: root.subject, part: .whole)
        if root.takesIndex, case .index(let index)? = pieces.first {
            select.index = index
            pieces.removeFirst()
        } else if root.takesKey, case .key(let key)? = pieces.first {
            select.realm = keep(key)
            pieces.removeFirst()
        }
        var path = ""
        while let piece = pieces.popFirst() {
            let children = children(of: path, root)
            let next = path.isEmpty ? "" : path + "."
            switch piece {
            case .name(let word) where children.contains(word): path = next + word
            case .name(let word) where children.contains("*"):
                select.key = keep(word.replacing("_", with: "-"))
                path = next + "*"
            case .key(let word) where children.contains("*"):
                select.key = keep(word)
                path = next + "*"
            case .index(let index) where path == "header.*" && pieces.isEmpty: select.index = index
            case .name(let word): throw unknown(path.isEmpty ? name : "\(name).\(path)", children, near: word)
            default: throw unknown(path.isEmpty ? name : "\(name).\(path)", children)
            }
        }
        guard let part = root.paths[path] else {
            throw unknown(path.isEmpty ? name : "\(name).\(path)", children(of: path, root))
        }
        select.part = part
        return select
    }

    /// `@subject`, `@x_own[2]`: a header by its name, the first one or that of an index. A word that is no header of the standards is taken for a
    /// slip, unless it begins as private names do.
    private static func header(
        _ name: String, _ path: ArraySlice<Piece>, among others: Set<String>, _ keep: (String) -> apus_str
    ) throws(Mistake) -> CompiledSelect {
        var select = CompiledSelect(subject: .message, part: .header)
        select.key = keep(name.replacing("_", with: "-"))
        guard HeaderName.id(of: select.key.bytes) != .other || name.lowercased().hasPrefix("x_") else {
            throw unknown(name, others, near: name)
        }
        var rest = path
        if case .index(let index)? = rest.first {
            select.index = index
            rest.removeFirst()
        }
        guard rest.isEmpty else { throw unknown(name, []) }
        // `@event` is the package alone.
        if HeaderName.id(of: select.key.bytes) == .event { select.part = .headerWord }
        return select
    }

    /// `cfg_get.group.name`
    private static func parameter(
        _ path: ArraySlice<Piece>, _ parameters: ChangeableParameters
    ) throws(Mistake) -> CompiledSelect {
        var words = path.compactMap { if case .name(let word) = $0 { word } else { nil } }
        guard words.count == path.count, words.count >= 2 else {
            throw Mistake(text: "a parameter is read as `@cfg_get.group.name`", hint: "write its group and its name")
        }
        let group = words.removeFirst()
        let name = words.joined(separator: ".")
        if let number = parameters.number(group, name) {
            return CompiledSelect(subject: .parameter, part: .whole, index: Int32(number))
        }
        guard let known = parameters.names(in: group) else {
            throw Mistake(
                text: "there are no parameters of group `\(group)`",
                hint: Suggest.hint(for: group, among: parameters.groups)
                    ?? "declare one outside of the route blocks: `\(group).\(name) = \"...\"`")
        }
        throw Mistake(
            text: "group `\(group)` has no parameter `\(name)` that may change while the server runs",
            hint: Suggest.hint(for: name, among: known) ?? "it has \(known.sorted().joined(separator: ", "))")
    }

    /// `cfg_selected.group`
    private static func selection(
        _ path: ArraySlice<Piece>, _ parameters: ChangeableParameters, _ keep: (String) -> apus_str
    ) throws(Mistake) -> CompiledSelect {
        guard path.count == 1, case .name(let group)? = path.first else {
            throw Mistake(text: "what is selected is read as `@cfg_selected.group`", hint: "write the group alone")
        }
        guard parameters.groupNumber(group) != nil else {
            throw Mistake(
                text: "there are no parameters of group `\(group)`",
                hint: Suggest.hint(for: group, among: parameters.groups) ?? "see `cfg.list`")
        }
        var select = CompiledSelect(subject: .selectedInstance, part: .whole)
        select.key = keep(group)
        return select
    }

    private static func unknown(_ prefix: String, _ children: some Sequence<String>, near word: String? = nil)
        -> Mistake
    {
        let known = children.map { $0 == "*" ? "a name" : $0 }.sorted()
        let near = word.flatMap { Suggest.nearest(to: $0, among: known) }
        let list = known.isEmpty ? "nothing follows it" : "known are " + known.joined(separator: ", ")
        return Mistake(
            text: prefix.isEmpty || word == prefix ? "unknown select" : "unknown select behind `@\(prefix)`",
            hint: near.map { "did you mean `\($0)`? \(list)" } ?? list)
    }

    /// What may follow a path.
    private static func children(of path: String, _ root: Root) -> Set<String> {
        let prefix = path.isEmpty ? "" : path + "."
        return Set(
            root.paths.keys.filter { $0.hasPrefix(prefix) && $0 != path }
                .compactMap { $0.dropFirst(prefix.count).split(separator: ".").first.map(String.init) })
    }

    private static func pieces(_ text: String) throws(Mistake) -> [Piece] {
        var pieces: [Piece] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.first {
            if byte == UInt8(ascii: ".") { rest.removeFirst() }
            if rest.first == UInt8(ascii: "[") {
                guard let close = rest.firstIndex(of: UInt8(ascii: "]")) else {
                    throw Mistake(text: "unclosed `[` in a select", hint: "close it with `]`")
                }
                let inner = String(decoding: rest[(rest.startIndex + 1)..<close], as: UTF8.self)
                if let index = Int32(inner) {
                    pieces.append(.index(index))
                } else {
                    pieces.append(
                        .key(
                            inner.hasPrefix("\"") && inner.hasSuffix("\"")
                                ? String(inner.dropFirst().dropLast()) : inner))
                }
                rest = rest[(close + 1)...]
                continue
            }
            let word = rest.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "[") }
            guard !word.isEmpty else { throw Mistake(text: "a select has an empty part", hint: "write `@name.part`") }
            pieces.append(.name(String(decoding: word, as: UTF8.self)))
            rest = rest[word.endIndex...]
        }
        return pieces
    }

    /// The name that a select begins with, and what stands behind it, from its dot or bracket on.
    static func split(_ text: String) -> (name: String, path: String) {
        let name = text.prefix { $0 != "." && $0 != "[" }
        return (String(name), String(text.dropFirst(name.count)))
    }

    /// What the server's own begin with.
    static var names: Set<String> { Set(roots.keys).union(["cfg_get", "cfg_selected"]) }

    // MARK: - The known ones

    private static let uri: [String: CompiledSelect.Part] = [
        "": .whole, "user": .user, "host": .host, "port": .port, "pwd": .password, "hostport": .hostPort,
        "rn_user": .numberUser, "transport": .transport, "type": .uriType, "params": .uriParameters,
        "params.*": .uriParameter,
    ]

    private static let address: [String: CompiledSelect.Part] = {
        var paths: [String: CompiledSelect.Part] = [
            "": .whole, "uri": .uri, "name": .name, "tag": .tag, "params": .parameters, "params.*": .parameter,
        ]
        for (path, part) in uri where !path.isEmpty { paths["uri." + path] = part }
        return paths
    }()

    private static let via: [String: CompiledSelect.Part] = [
        "": .whole, "name": .name, "version": .version, "transport": .transport, "host": .host, "port": .port,
        "comment": .comment, "branch": .branch, "rport": .rport, "received": .receivedAddress, "i": .connection,
        "alias": .alias, "params": .parameters, "params.*": .parameter,
    ]

    private static let message: [String: CompiledSelect.Part] = [
        "": .whole, "first_line": .firstLine, "type": .type, "len": .length, "id": .id, "id.hex": .hexID,
        "flags": .flags, "header": .headers, "header.*": .header, "body": .body, "body.sdp": .sdp,
        "body.sdp.line.*": .sdpLine,
    ]

    private static let system: [String: CompiledSelect.Part] = [
        "pid": .process, "unique": .unique, "server_id": .serverID, "now": .now, "now.local": .localTime,
        "now.gmt": .universalTime, "now.utc": .universalTime,
    ]

    private static let endpoint: [String: CompiledSelect.Part] = [
        "ip": .address, "port": .port, "ip_port": .addressAndPort,
    ]

    private static let received: [String: CompiledSelect.Part] = [
        "ip": .address, "port": .port, "ip_port": .addressAndPort, "proto": .transportName,
        "proto_ip_port": .transportAddressAndPort,
    ]

    private static let roots: [String: Root] = [
        "ruri": Root(subject: .requestURI, paths: uri), "request_uri": Root(subject: .requestURI, paths: uri),
        "dst_uri": Root(subject: .destinationURI, paths: uri), "next_hop": Root(subject: .nextHop, paths: uri),
        "from": Root(subject: .from, paths: address), "f": Root(subject: .from, paths: address),
        "to": Root(subject: .to, paths: address), "t": Root(subject: .to, paths: address),
        "contact": Root(subject: .contact, paths: address), "m": Root(subject: .contact, paths: address),
        "refer_to": Root(subject: .referTo, paths: address), "rpid": Root(subject: .remoteParty, paths: address),
        "record_route": Root(subject: .recordRoute, paths: address),
        "rr": Root(subject: .recordRoute, paths: address),
        "via": Root(subject: .via, paths: via, takesIndex: true),
        "v": Root(subject: .via, paths: via, takesIndex: true),
        "cseq": Root(subject: .cseq, paths: ["": .whole, "num": .number, "method": .method]),
        "call_id": Root(subject: .callID, paths: ["": .whole]), "method": Root(subject: .method, paths: ["": .whole]),
        "msg": Root(subject: .message, paths: message), "sys": Root(subject: .system, paths: system),
        "authorization": Root(subject: .authorization, paths: ["*": .credential], takesKey: true),
        "proxy_authorization": Root(subject: .proxyAuthorization, paths: ["*": .credential], takesKey: true),
        "src": Root(subject: .source, paths: endpoint), "src_ip": Root(subject: .source, paths: ["": .address]),
        "dst": Root(subject: .destination, paths: endpoint), "received": Root(subject: .received, paths: received),
    ]
}
