import PluginAPI

// Invariants: nothing of the description is believed before magic and size; it is copied before its first member is
// read, and its texts are copied. The module's own is static and never changes.

/// Why a module cannot be loaded, in the words of a diagnostic.
struct LoadRefusal: Error {
    var message: String
    var hint: String?
    var notes: [String] = []
}

/// What a module says about itself.
struct ModuleDescription {
    typealias Step = @convention(c) (UnsafePointer<apus_host>) -> CInt
    typealias WorkerStep = @convention(c) (UnsafePointer<apus_host>, UInt32) -> CInt
    typealias Stop = @convention(c) (UnsafePointer<apus_host>) -> Void

    var name: String
    var version: String
    var summary: String
    var needs: [Need]
    var declare: Step?
    var start: Step?
    var worker: WorkerStep?
    var stop: Stop?

    /// An interface of another module: "tm/1", or "tm/1?" when the module can do without.
    struct Need: Equatable {
        let id: String
        let optional: Bool

        /// The module that publishes it, by convention: what stands before the slash.
        var module: String { String(id.prefix { $0 != "/" }) }
    }
}

/// The check of a module's description, before anything else of it runs.
enum ABICheck {
    /// The server's side; tests take others.
    struct Version: Equatable {
        var major = UInt16(APUS_ABI_MAJOR)
        var minor = UInt16(APUS_ABI_MINOR)

        var text: String { "\(major).\(minor)" }
    }

    /// Magic, size, major, minor, name: the first mistake is the one to tell.
    ///
    /// - Parameters:
    ///   - descriptor: what the entry point answered.
    ///   - file: the module's path.
    ///   - name: the module's name as the file has it.
    static func check(
        _ descriptor: UnsafeRawPointer?, file: String, name: String, server: Version = Version()
    ) throws(LoadRefusal) -> ModuleDescription {
        guard let descriptor else {
            throw LoadRefusal(message: "\(quoted(file)) describes no module: its entry point answers null")
        }
        let magic = descriptor.loadUnaligned(as: UInt32.self)
        guard magic == APUS_MAGIC else {
            throw LoadRefusal(
                message: "\(quoted(file)) describes no module: its magic number is 0x\(hex(magic)), "
                    + "that of modules is 0x\(hex(APUS_MAGIC))",
                hint: "begin the description with APUS_HEADER")
        }
        let size = Int(descriptor.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        let least = MemoryLayout<apus_module>.end(of: \.stop)
        guard size >= least else {
            throw LoadRefusal(
                message: "the description in \(quoted(file)) has \(size) bytes; "
                    + "this server expects at least \(least)",
                hint: "begin the description with APUS_HEADER")
        }
        let version = Version(
            major: descriptor.loadUnaligned(fromByteOffset: 8, as: UInt16.self),
            minor: descriptor.loadUnaligned(fromByteOffset: 10, as: UInt16.self))
        try check(version, against: server, file)
        return try read(descriptor, size, file, name)
    }

    /// The rule of apus/module.h: equal major numbers, and a minor number not newer than the server's; before 1.0 an
    /// equal one.
    private static func check(_ module: Version, against server: Version, _ file: String) throws(LoadRefusal) {
        let sides = "\(quoted(file)) was built for module ABI \(module.text); this server has \(server.text)"
        guard module.major == server.major else {
            throw LoadRefusal(message: "\(sides): major versions must be equal", hint: rebuild)
        }
        guard module.minor <= server.minor else {
            throw LoadRefusal(message: "\(sides): the module is newer than the server", hint: upgrade)
        }
        guard server.major > 0 || module.minor == server.minor else {
            throw LoadRefusal(message: "\(sides): before 1.0 minor versions must be equal", hint: rebuild)
        }
    }

    private static let rebuild = "build the module again with this server's headers"
    private static let upgrade = "use a newer server, or build the module with this server's headers"

    private static func read(
        _ descriptor: UnsafeRawPointer, _ size: Int, _ file: String, _ name: String
    ) throws(LoadRefusal) -> ModuleDescription {
        do {
            // Magic stands where other structs have their size, so the size is put there for the copy.
            let copy = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
            defer { copy.deallocate() }
            copy.copyMemory(from: descriptor, byteCount: size)
            copy.storeBytes(of: UInt32(size), as: UInt32.self)
            return try GivenStruct.read(
                copy, apus_module.self, name: "apus_module", first: MemoryLayout<apus_module>.end(of: \.stop)
            ) { (given) throws(Registry.Refusal) in
                let declared = try given.required(\.name, "the module's name")
                guard declared == name else {
                    throw Registry.Refusal(
                        text: "it says that its name is `\(declared)`, the file's is `\(name)`: they must be equal")
                }
                let version = try given.required(\.version, "the module's version")
                let needs = try ModuleDescription.Need.parse(given.text(\.needs) ?? "")
                let contents = given.contents
                return ModuleDescription(
                    name: declared, version: version, summary: given.text(\.summary) ?? "", needs: needs,
                    declare: contents.declare, start: contents.start, worker: contents.worker, stop: contents.stop)
            }
        } catch {
            throw LoadRefusal(message: "the description in \(quoted(file)) is wrong: \(error.text)")
        }
    }

    private static func quoted(_ path: String) -> String { "`\(path)`" }

    private static func hex(_ number: UInt32) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}

extension ModuleDescription.Need {
    /// "tm/1 dialog/1?"
    static func parse(_ text: String) throws(Registry.Refusal) -> [ModuleDescription.Need] {
        var needs: [ModuleDescription.Need] = []
        for word in text.split(whereSeparator: { $0 == " " || $0 == "," }) {
            let optional = word.hasSuffix("?")
            let id = String(optional ? word.dropLast() : word)
            guard isID(id) else {
                throw Registry.Refusal(text: "`\(id)` in its needs is no interface: write name/number, such as tm/1")
            }
            needs.append(ModuleDescription.Need(id: id, optional: optional))
        }
        return needs
    }

    /// "tm/1": a name and a version number.
    static func isID(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && DeclaredName.isDotted(String(parts[0])) && Int(parts[1]).map { $0 > 0 } == true
    }
}
