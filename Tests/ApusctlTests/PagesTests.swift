import Glibc
import Testing

@testable import apusctl

/// What is installed beside the program tells of all that it does.
@Suite struct PagesTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

    @Test func theManualHasEveryVerbAndOption() throws {
        let text = try #require(readFile(PagesTests.root + "/packaging/apusctl.8"))
        // Names of options are written with escaped hyphens.
        let words = Set(
            text.replacing("\\-", with: "-").replacing("\\fR", with: " ").split { " \n\",|\"[]".contains($0) }.map {
                String($0)
            })
        for verb in Verb.all where !verb.summary.isEmpty {
            for name in verb.names + verb.firstWords.map({ $0.replacing("\\fB", with: "") }) {
                #expect(words.contains(name) || words.contains("\\fB" + name), "the manual lacks \(name)")
            }
        }
        for option in Completion.options + ["-s", "-h", "-V"] {
            #expect(words.contains(option), "the manual lacks \(option)")
            #expect(Help.options.contains(option), "the help lacks \(option)")
        }
    }

    @Test func itsVersionIsTheServers() throws {
        let text = try #require(readFile(PagesTests.root + "/Sources/Core/Server/Version.swift"))
        #expect(text.contains("\"\(Program.version)\""))
    }

    @Test func thereIsCompletionForEveryNameItIsInstalledBy() throws {
        let text = try #require(readFile(PagesTests.root + "/packaging/apusctl.bash"))
        let install = try #require(readFile(PagesTests.root + "/scripts/install"))
        for name in ["serctl", "sc", "kamctl"] {
            #expect(text.contains(" \(name)"))
            #expect(install.contains("for name in serctl sc kamctl"))
        }
    }
}
