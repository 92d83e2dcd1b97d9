import Glibc

/// Where the config is, so that it can be read again when the server has changed its working folder, or lives in a chroot.
struct ConfigSource: Sendable {
    /// As it was given; places in it are told by this name.
    let name: String
    /// In which the server was started: relative paths count from there.
    private let folder: String
    /// `chroot`, once the server lives in it.
    var root: String?
    /// Milliseconds that one file may take to read; nil: without end.
    var patience: Int?

    init(_ options: Options) {
        name = options.configPath ?? ConfigSource.defaultPath()
        folder = FileSystem.realPath(".") ?? "."
    }

    /// It came by standard input, and is gone.
    var isGone: Bool { name == "-" }

    /// The config's text.
    func read() throws(StartFailure) -> Source {
        switch files.read(name) {
        case .success(let bytes): return Source(name: isGone ? "<stdin>" : name, bytes: bytes)
        case .failure(let failure):
            throw StartFailure(code: 1, text: "cannot read the config \(name): \(failure.text)")
        }
    }

    /// Reads the config and what it includes, with what the command line defines.
    /// - Parameter prints: keeps the text after includes and conditionals.
    func parse(
        _ options: Options, _ diagnostics: Diagnostics, prints: Bool = false
    ) throws(StartFailure) -> (tree: Syntax.Tree, preprocessor: Preprocessor) {
        let source = try read()
        diagnostics.warningsAreErrors = options.warningsAreErrors
        diagnostics.wantsStyle = options.wantsStyle
        let preprocessor = Preprocessor(diagnostics: diagnostics, files: files, version: Version.numbers)
        if prints { preprocessor.printout = [] }
        for define in options.defines { preprocessor.defineFromCommandLine(define) }
        for substitution in options.substitutions {
            let kinds: [String: Preprocessor.DefineKind] = ["substdef": .plain, "substdefs": .quoted]
            preprocessor.substituteFromCommandLine(substitution.text, defines: kinds[substitution.kind])
        }
        return (Parser.parse(source, preprocessor: preprocessor), preprocessor)
    }

    private var files: FileAccess {
        FileAccess(read: { [self] in FileAccess.readFile(path($0), patience: patience) })
    }

    /// Absolute; empty when it came by standard input.
    var absolutePath: String { isGone ? "" : path(name) }

    private func path(_ path: String) -> String {
        guard path != "-" else { return path }
        let absolute = path.hasPrefix("/") ? path : "\(folder)/\(path)"
        guard let root else { return absolute }
        let folder = root.hasSuffix("/") ? String(root.dropLast()) : root
        return absolute.hasPrefix(folder + "/") ? String(absolute.dropFirst(folder.count)) : absolute
    }

    /// Where `make install` puts it, beside the program's folder.
    private static func defaultPath() -> String {
        let program = FileSystem.realPath("/proc/self/exe") ?? ""
        let prefix = FileSystem.parent(of: FileSystem.parent(of: program))
        return "\(prefix)/etc/apus/apus.cfg"
    }
}
