import Glibc
import Testing

@testable import Core

/// One small config per mistake, and exactly what is said about it.
///
/// `Mistakes/NAME.cfg` is the config, `Mistakes/NAME.expected` the text of all diagnostics. With APUS_UPDATE_EXPECTED in the environment
/// the test writes the expectations anew, and fails, so that somebody looks at them.
@Suite struct MistakeTests {
    static let folder = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/") + "/Mistakes"

    static let names: [String] = {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var result: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            if name.hasSuffix(".cfg"), !name.hasPrefix("part-") { result.append(String(name.dropLast(4))) }
        }
        return result.sorted()
    }()

    @Test func thereAreMany() { #expect(MistakeTests.names.count > 100) }

    @Test(arguments: names)
    func saysExactlyThis(name: String) throws {
        let files = FileAccess(read: { FileAccess.readFile("\(MistakeTests.folder)/\($0)") }, environment: { _ in nil })
        let bytes = try files.read("\(name).cfg").get()
        let actual = try TestScript(bytes: bytes, name: "\(name).cfg", files: files).diagnostics.text
        let path = "\(MistakeTests.folder)/\(name).expected"
        if getenv("APUS_UPDATE_EXPECTED") != nil {
            try write(actual, path)
            Issue.record("\(name).expected was written anew")
            return
        }
        let expected = String(decoding: try FileAccess.readFile(path).get(), as: UTF8.self)
        #expect(actual == expected)
        #expect(!actual.isEmpty)
    }

    private func write(_ text: String, _ path: String) throws {
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
    }
}
