import Glibc
import Testing

/// The arrows between the rooms (docs/architecture.md has the picture): a room knows those below it and nothing else.
@Suite struct RoomsTests {
    /// What each room of Core may mention.
    static let allowed: [String: Set<String>] = [
        "Runtime": [],
        "Message": ["Runtime"],
        "Script": ["Runtime", "Message"],
        "Transport": ["Runtime", "Message"],
        "Management": ["Runtime"],
        "Resolver": ["Runtime"],
        "Database": ["Runtime"],
        "Modules": ["Runtime", "Message", "Script", "Transport", "Management", "Resolver", "Database"],
        "Server": ["Runtime", "Message", "Script", "Transport", "Management", "Resolver", "Database", "Modules"],
    ]

    @Test func everyFileOfCoreLiesInARoom() {
        for file in SourceFile.all(below: "Sources/Core") {
            #expect(RoomsTests.allowed[file.room] != nil, "\(file.path)")
        }
    }

    @Test func aRoomMentionsNoTypeOfARoomThatItMayNotKnow() {
        let files = SourceFile.all(below: "Sources/Core")
        let violations = Rooms(files).violations(allowed: RoomsTests.allowed)
        for violation in violations { Issue.record("\(violation)") }
        #expect(files.count > 10)
    }

    @Test func theTestItselfSeesViolations() {
        let files = [
            SourceFile(path: "Sources/Core/Script/VM.swift", room: "Script", text: "struct VM { enum Inner {} }"),
            SourceFile(
                path: "Sources/Core/Server/Boot.swift", room: "Server", text: "public final class Boot { let vm: VM }"),
            SourceFile(
                path: "Sources/Core/Runtime/Pool.swift", room: "Runtime",
                text: """
                    // A VM in a comment, /* Boot /* nested */ Boot */
                    let text = "VM \\(Boot()) \\"VM"
                    struct Pool { let kind: Kind.VM, inner: Inner
                        let vm: [VM] }
                    """),
        ]
        let violations = Rooms(files).violations(allowed: RoomsTests.allowed)
        #expect(violations == ["Sources/Core/Runtime/Pool.swift:4: VM belongs to Script, which Runtime may not know"])
    }

    @Test func nothingThatIsShippedImportsFoundation() {
        for file in SourceFile.all(below: "Sources") + SourceFile.all(below: "Plugins")
            + SourceFile.all(below: "examples")
            + SourceFile.all(below: "packaging")
        {
            for module in file.imports {
                #expect(!module.hasPrefix("Foundation"), "\(file.path) imports \(module)")
            }
        }
    }

    @Test func pluginsSeeTheContractOnly() {
        let own: Set = ["Core", "apus", "CLinux", "CAres"]
        let names = Set(Tree.names(in: "Plugins").map { $0.replacing("-", with: "_") })
        let plugins = SourceFile.all(below: "Plugins") + SourceFile.all(below: "examples/modules")
        for file in plugins + SourceFile.all(below: "Sources/PluginKit") {
            for module in file.imports {
                #expect(!own.contains(module) && !names.contains(module), "\(file.path) imports \(module)")
            }
        }
    }

    @Test func coreKnowsNeitherPluginKitNorAPlugin() {
        let names = Set(Tree.names(in: "Plugins").map { $0.replacing("-", with: "_") })
        for file in SourceFile.all(below: "Sources/Core") {
            for module in file.imports {
                #expect(module != "PluginKit" && !names.contains(module), "\(file.path) imports \(module)")
            }
        }
    }

    /// Comfort, not a second server: what a module author reads in one sitting.
    @Test func pluginKitStaysSmall() {
        // Without comments and empty lines: what a reader must understand, not what helps him.
        let lines = SourceFile.all(below: "Sources/PluginKit").reduce(0) { sum, file in
            let code = file.lines.filter { line in
                let text = line.drop { $0 == " " }
                return !text.isEmpty && !text.hasPrefix("//")
            }
            return sum + code.count
        }
        #expect(lines > 0 && lines < 500, "PluginKit has \(lines) lines of code")
    }

    @Test func theContractsHeadersNeedNothingButEachOther() {
        let folder = "Sources/PluginAPI/include/apus"
        let headers = Tree.names(in: folder).filter { $0.hasSuffix(".h") }
        #expect(headers.contains("base.h"))
        for name in headers {
            let text = Tree.read(folder + "/" + name) ?? ""
            for line in text.split(separator: "\n") where line.hasPrefix("#include") {
                let what = line.dropFirst("#include".count).drop { $0 == " " }.prefix { $0 != " " && $0 != "\t" }
                let fine =
                    what == "<stddef.h>" || what == "<stdint.h>" || what.hasPrefix("<apus/") || what.hasPrefix("\"")
                #expect(fine, "\(folder)/\(name) includes \(what)")
            }
        }
    }

    @Test func theRepositoryExplainsItself() {
        // In two parts, so that this file does not find itself.
        let outside = ".." + "/shared"
        for folder in ["Sources", "Plugins", "docs", "etc", "examples", "scripts", "Benchmarks", "packaging"] {
            for path in Tree.files(below: folder) {
                #expect(Tree.read(path)?.contains(outside) != true, "\(path) refers to \(outside)")
            }
        }
    }
}

/// Which room's types each file mentions.
struct Rooms {
    private let files: [SourceFile]
    private let tokens: [[Token]]
    /// The room that declares a type at the top level of a file. A name that two rooms declare says nothing and is left out.
    private let owner: [String: String]
    /// All types that a room declares, at whatever depth.
    private let declared: [String: Set<String>]

    init(_ files: [SourceFile]) {
        self.files = files
        tokens = files.map { Token.scan($0.text) }
        var owner: [String: String] = [:]
        var declared: [String: Set<String>] = [:]
        var shared: Set<String> = []
        for (file, tokens) in zip(files, tokens) {
            for (name, depth) in Rooms.declarations(tokens) {
                declared[file.room, default: []].insert(name)
                guard depth == 0 else { continue }
                if let other = owner[name], other != file.room { shared.insert(name) }
                owner[name] = file.room
            }
        }
        self.owner = owner.filter { !shared.contains($0.key) }
        self.declared = declared
    }

    private static func declarations(_ tokens: [Token]) -> [(name: String, depth: Int)] {
        let words: Set = ["struct", "class", "enum", "protocol", "actor", "typealias"]
        var result: [(String, Int)] = []
        for (index, token) in tokens.enumerated().dropLast() where words.contains(token.text) {
            let next = tokens[index + 1]
            // `class func` declares no type, `.struct` is a case.
            if next.isType && !token.followsDot { result.append((next.text, token.depth)) }
        }
        return result
    }

    func violations(allowed: [String: Set<String>]) -> [String] {
        var result: [String] = []
        for (file, tokens) in zip(files, tokens) {
            // A member (`Kind.VM`) and a name that the room uses for a type of its own are not the other room's.
            for token in tokens where token.isType && !token.followsDot {
                guard let room = owner[token.text], room != file.room, allowed[file.room]?.contains(room) != true,
                    declared[file.room]?.contains(token.text) != true
                else { continue }
                result.append(
                    "\(file.path):\(token.line): \(token.text) belongs to \(room), which \(file.room) may not know")
            }
        }
        return result
    }
}

/// A word of Swift outside comments and string literals, or a brace.
struct Token {
    let text: String
    let line: Int
    /// How many braces are open.
    let depth: Int
    let followsDot: Bool

    var isType: Bool { text.utf8.first.map { (65...90).contains($0) } ?? false }

    static func scan(_ text: String) -> [Token] {
        var scanner = TokenScanner(Array(text.utf8))
        return scanner.scan()
    }
}

private struct TokenScanner {
    private let bytes: [UInt8]
    private var at = 0
    private var line = 1
    private var depth = 0
    private var tokens: [Token] = []

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func scan() -> [Token] {
        while at < bytes.count {
            let byte = bytes[at]
            if looking("//") {
                while at < bytes.count && bytes[at] != 10 { at += 1 }
            } else if looking("/*") {
                skipComment()
            } else if byte == UInt8(ascii: "\"") {
                skipString()
            } else if isWord(byte) {
                let start = at
                while at < bytes.count && isWord(bytes[at]) { at += 1 }
                let dot = start > 0 && bytes[start - 1] == UInt8(ascii: ".")
                let word = String(decoding: bytes[start..<at], as: UTF8.self)
                tokens.append(Token(text: word, line: line, depth: depth, followsDot: dot))
            } else {
                if byte == UInt8(ascii: "{") { depth += 1 }
                if byte == UInt8(ascii: "}") { depth -= 1 }
                if byte == 10 { line += 1 }
                at += 1
            }
        }
        return tokens
    }

    private func looking(_ text: String) -> Bool { bytes[at...].starts(with: text.utf8) }

    private func isWord(_ byte: UInt8) -> Bool {
        byte == 95 || byte >= 128 || (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }

    private mutating func skipComment() {
        var nesting = 0
        repeat {
            if looking("/*") {
                nesting += 1
                at += 2
            } else if looking("*/") {
                nesting -= 1
                at += 2
            } else {
                if bytes[at] == 10 { line += 1 }
                at += 1
            }
        } while nesting > 0 && at < bytes.count
    }

    /// To the end of a string literal. What is interpolated counts as part of the string.
    private mutating func skipString() {
        let quotes = looking("\"\"\"") ? 3 : 1
        at += quotes
        var nesting = 0
        while at < bytes.count {
            let byte = bytes[at]
            if byte == 10 { line += 1 }
            if nesting > 0 {
                if byte == UInt8(ascii: "(") { nesting += 1 }
                if byte == UInt8(ascii: ")") { nesting -= 1 }
                at += 1
                if byte == UInt8(ascii: "\"") {
                    at -= 1
                    skipString()
                }
            } else if byte == UInt8(ascii: "\\") {
                nesting = looking("\\(") ? 1 : 0
                at += 2
            } else if quotes == 3 ? looking("\"\"\"") : byte == UInt8(ascii: "\"") || byte == 10 {
                at += quotes
                return
            } else {
                at += 1
            }
        }
    }
}

/// A Swift file of the repository.
struct SourceFile {
    let path: String
    /// The folder below Sources/Core; empty elsewhere.
    let room: String
    let text: String

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() }

    /// The modules that it imports, whatever the form (`@testable import A`, `import struct A.B`).
    var imports: [String] {
        text.split(separator: "\n").compactMap { line in
            var words = line.split(separator: " ")[...]
            while let first = words.first, first.hasPrefix("@") || first == "public" || first == "internal" {
                words.removeFirst()
            }
            guard words.popFirst() == "import" else { return nil }
            if let kind = words.first,
                ["struct", "class", "enum", "func", "protocol", "typealias", "var", "let"].contains(kind)
            {
                words.removeFirst()
            }
            return words.first?.split(separator: ".").first.map { String($0) }
        }
    }

    static func all(below folder: String) -> [SourceFile] {
        Tree.files(below: folder).filter { $0.hasSuffix(".swift") }.compactMap { path in
            guard let text = Tree.read(path) else { return nil }
            let parts = path.split(separator: "/")
            let room = path.hasPrefix("Sources/Core/") && parts.count > 3 ? String(parts[2]) : ""
            return SourceFile(path: path, room: room, text: text)
        }
    }
}

/// The source tree; paths are relative to its root.
enum Tree {
    static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

    /// Names in a folder, sorted, without hidden ones; none when there is no such folder.
    static func names(in folder: String) -> [String] {
        guard let directory = opendir(root + "/" + folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// All files below a folder.
    static func files(below folder: String) -> [String] {
        names(in: folder).flatMap { name in
            let path = folder + "/" + name
            let inner = files(below: path)
            return inner.isEmpty && !isFolder(path) ? [path] : inner
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        guard let directory = opendir(root + "/" + path) else { return false }
        closedir(directory)
        return true
    }

    static func read(_ path: String) -> String? {
        guard let file = fopen(root + "/" + path, "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
