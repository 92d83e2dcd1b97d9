import GoldenFiles
import Testing

/// Mistakes that only the whole server knows, with its modules: `apus -c -f NAME.cfg` prints exactly `Mistakes/NAME.expected`.
///
/// A line `# arguments: …` in a config adds to the command line.
@Suite struct ConfigMistakeTests {
    static let files = GoldenFiles.mistakes(beside: #filePath)

    @Test(arguments: files.names)
    func saysExactlyThis(name: String) throws {
        let config = try #require(ConfigMistakeTests.files.read("\(name).cfg"))
        let marker = "# arguments: "
        let further = config.split(separator: "\n").first { $0.hasPrefix(marker) }?.dropFirst(marker.count) ?? ""
        let result = try run(
            Products.path("apus"),
            ["-c", "-f", "\(name).cfg", "-L", Products.folder] + further.split(separator: " ").map(String.init),
            folder: ConfigMistakeTests.files.folder)
        let text = ConfigMistakeTests.everywhere(result.output)
        #expect(result.errors == "")
        #expect(result.status == .exited(text.contains("config ok") || text.contains("\"ok\":true") ? 0 : 1))
        if let complaint = ConfigMistakeTests.files.complaint(about: text, of: name) { Issue.record("\(complaint)") }
    }

    /// What only a start finds out: the line, the address, the system's words.
    @Test func aPortThatIsTaken() throws {
        let other = try UDPClient()
        let folder = try TemporaryFolder()
        let file = try folder.write(
            "apus.cfg", "disable_tcp=yes\nlisten=udp:\(other.address)\nrequest_route { exit; }\n")
        let result = try run(Products.path("apus"), ["-f", file, "-DD", "-E"], folder: folder.path)
        #expect(result.status == .exited(2))
        #expect(
            result.errors.contains("apus.cfg:2:8: error: udp:\(other.address): bind: Address already in use\n"),
            "\(result.errors)")
    }

    /// `-f -` is standard input; a folder and a file that is not there are refused by name.
    @Test func configsThatCannotBeRead() throws {
        let folder = try TemporaryFolder()
        for (path, reason) in [
            (folder.path, "Is a directory"), (folder.path + "/none.cfg", "No such file or directory"),
        ] {
            let result = try run(Products.path("apus"), ["-c", "-f", path])
            #expect(result.status == .exited(1))
            #expect(result.errors == "cannot read the config \(path): \(reason)\n")
        }
    }

    /// Without what depends on the build and the machine: where modules lie, which addresses and interfaces there are.
    private static func everywhere(_ output: String) -> String {
        output.split(separator: "\n", omittingEmptySubsequences: false).compactMap { line -> String? in
            for machine in ["hint: it has 127.", "hint: interfaces are "] where line.hasPrefix(machine) {
                return machine + "…"
            }
            if line.hasPrefix("note: tried "), !line.contains(Products.folder) { return nil }
            return line.split(separator: Products.folder, omittingEmptySubsequences: false).joined(separator: "MODULES")
        }.joined(separator: "\n")
    }
}
