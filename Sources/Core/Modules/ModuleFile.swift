// Invariants: the file's bytes come from whoever wrote it: every offset and length read from them is checked against
// the bytes that are there before it is used.

/// A shared object as it lies on disk, looked at without running anything of it: modules of another server must not get
/// the chance to.
struct ModuleFile {
    enum Content: Equatable {
        /// It exports entry points, `apus_module_…`, by the parts behind the prefix. A module has one.
        case module(entries: [String])
        /// A module of Kamailio, OpenSER or SER.
        case kamailio
        /// Something else.
        case other
    }

    let path: String
    let content: Content
    /// To see whether the file that is loaded is the one that was looked at.
    let identity: FileSystem.Identity

    static let entryPrefix = "apus_module_"

    /// Nil when there is no such file.
    init?(_ path: String) {
        guard let identity = FileSystem.identity(of: path) else { return nil }
        self.path = path
        self.identity = identity
        guard let bytes = try? Syscalls.readFile(path) else {
            content = .other
            return
        }
        content = ModuleFile.content(of: bytes)
    }

    /// The entry that a module of this name has: dashes are underscores in C.
    static func entry(of name: String) -> String {
        String(decoding: name.utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
    }

    /// The module's name: the file's, without `lib` when the entry says so. Nil when no entry fits the file's name.
    var moduleName: String? {
        guard case .module(let entries) = content else { return nil }
        let base = SearchPath.baseName(path)
        if entries.contains(ModuleFile.entry(of: base)) { return base }
        guard base.hasPrefix("lib") else { return nil }
        let short = String(base.dropFirst(3))
        return entries.contains(ModuleFile.entry(of: short)) ? short : nil
    }

    /// Every module in these folders, by name; the first one of a name wins, as in a search.
    static func all(in folders: [String]) -> [(name: String, path: String)] {
        var found: [(name: String, path: String)] = []
        var seen: Set<String> = []
        for folder in folders {
            for name in FileSystem.names(in: folder) {
                let path = name.hasSuffix(".so") ? "\(folder)/\(name)" : "\(folder)/\(name)/\(name).so"
                guard let module = ModuleFile(path)?.moduleName, seen.insert(module).inserted else { continue }
                found.append((module, path))
            }
        }
        return found.sorted { $0.name < $1.name }
    }

    // MARK: - ELF

    private static func content(of bytes: [UInt8]) -> Content {
        let exports = exports(of: bytes)
        let entries = exports.filter { $0.hasPrefix(entryPrefix) }.map { String($0.dropFirst(entryPrefix.count)) }
        if !entries.isEmpty { return .module(entries: entries) }
        let marks = ["exports", "module_version", "module_interface_ver"].filter { exports.contains($0) }
        return marks.contains("exports") || marks.count > 1 ? .kamailio : .other
    }

    /// What a 64-bit little-endian ELF file defines for others: its global dynamic symbols. Nothing for other files.
    static func exports(of bytes: [UInt8]) -> [String] {
        guard bytes.count >= 64, bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]) else { return [] }
        let sections = Int(clamping: number(bytes, 40, 8))
        let sectionSize = Int(number(bytes, 58, 2))
        let dynamicSymbols: UInt64 = 11
        var names: [String] = []
        for index in 0..<Int(number(bytes, 60, 2)) {
            let header = sections &+ index * sectionSize
            guard header >= 0, number(bytes, header &+ 4, 4) == dynamicSymbols else { continue }
            let strings = sections &+ Int(number(bytes, header &+ 40, 4)) * sectionSize
            names += symbols(
                bytes, at: Int(clamping: number(bytes, header &+ 24, 8)),
                size: Int(clamping: number(bytes, header &+ 32, 8)),
                names: Int(clamping: number(bytes, strings &+ 24, 8)))
        }
        return names
    }

    private static func symbols(_ bytes: [UInt8], at start: Int, size: Int, names: Int) -> [String] {
        guard start >= 0, size >= 0, start <= bytes.count, size <= bytes.count - start else { return [] }
        var found: [String] = []
        for symbol in stride(from: start, to: start + size - 23, by: 24) {
            // Undefined ones have no section; 0 is the binding of local ones.
            guard number(bytes, symbol + 6, 2) != 0, number(bytes, symbol + 4, 1) >> 4 != 0 else { continue }
            let name = names &+ Int(number(bytes, symbol, 4))
            guard name >= 0, name < bytes.count else { continue }
            found.append(String(decoding: bytes[name...].prefix(256).prefix { $0 != 0 }, as: UTF8.self))
        }
        return found
    }

    /// A little-endian number; 0 where the file has ended.
    private static func number(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> UInt64 {
        guard offset >= 0, offset <= bytes.count - width else { return 0 }
        return bytes[offset..<offset + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
