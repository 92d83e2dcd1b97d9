import GoldenFiles
import Testing

@testable import Core

/// One small config per mistake, and exactly what is said about it: `Mistakes/NAME.cfg` and `Mistakes/NAME.expected`.
///
/// Here stand the mistakes that the language itself knows, with the functions of `TestScript`; those that need modules are in the
/// functional tests.
@Suite struct MistakeTests {
    static let files = GoldenFiles.mistakes(beside: #filePath)

    @Test func thereAreMany() { #expect(MistakeTests.files.names.count > 100) }

    @Test(arguments: files.names)
    func saysExactlyThis(name: String) throws {
        let folder = MistakeTests.files.folder
        let files = FileAccess(read: { FileAccess.readFile("\(folder)/\($0)") }, environment: { _ in nil })
        let bytes = try files.read("\(name).cfg").get()
        let wantsStyle = String(decoding: bytes.prefix(200), as: UTF8.self).contains("# arguments: -W style")
        let script = try TestScript(bytes: bytes, name: "\(name).cfg", files: files, wantsStyle: wantsStyle)
        let actual = script.diagnostics.text
        #expect(!actual.isEmpty)
        if let complaint = MistakeTests.files.complaint(about: actual, of: name) { Issue.record("\(complaint)") }
    }
}
