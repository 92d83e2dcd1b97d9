import Glibc

/// A folder of inputs, `NAME.cfg`, beside what is to come of them, `NAME.expected`.
///
/// With APUS_UPDATE_EXPECTED in the environment expectations are written anew, and the test fails, so that somebody looks at them.
public struct GoldenFiles: Sendable {
    public let folder: String
    /// Names of the inputs, sorted; those that begin with `part-` belong to others.
    public let names: [String]

    /// - Parameter folder: the path of the folder.
    public init(_ folder: String) {
        self.folder = folder
        var names: [String] = []
        if let directory = opendir(folder) {
            defer { closedir(directory) }
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
                }
                if name.hasSuffix(".cfg"), !name.hasPrefix("part-") { names.append(String(name.dropLast(4))) }
            }
        }
        self.names = names.sorted()
    }

    /// The folder `Mistakes` beside a source file.
    /// - Parameter file: `#filePath` of the test.
    public static func mistakes(beside file: StaticString) -> GoldenFiles {
        GoldenFiles("/" + "\(file)".split(separator: "/").dropLast().joined(separator: "/") + "/Mistakes")
    }

    /// What differs from the expectation; nil when nothing does.
    public func complaint(about actual: String, of name: String) -> String? {
        let path = "\(folder)/\(name).expected"
        if getenv("APUS_UPDATE_EXPECTED") != nil {
            guard let file = fopen(path, "w") else { return "cannot write \(path)" }
            fputs(actual, file)
            fclose(file)
            return "\(name).expected was written anew"
        }
        guard let expected = read("\(name).expected") else { return "there is no \(name).expected" }
        return actual == expected ? nil : "\(name): said\n\(actual)\ninstead of\n\(expected)"
    }

    /// The text of a file in the folder.
    public func read(_ name: String) -> String? {
        guard let file = fopen("\(folder)/\(name)", "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
