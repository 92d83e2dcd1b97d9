import Glibc
import Testing

@testable import Core

/// Configs that people really have, used in place from a folder beside the repository; skipped where it is absent.
enum CorpusConfigs {
    static let folder: String = {
        let repository = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        return "/\(repository)/../shared/corpus/configs"
    }()

    static let files: [String] = find(folder).sorted()

    private static func find(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var result: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            if name.hasPrefix(".") { continue }
            let full = "\(path)/\(name)"
            if name.hasSuffix(".cfg") { result.append(full) } else if !name.contains(".md") { result += find(full) }
        }
        return result
    }
}

@Suite struct CorpusConfigTests {
    static let present = !CorpusConfigs.files.isEmpty

    static func parse(_ path: String, defines: [String] = []) throws -> (Syntax.Tree, Diagnostics) {
        let bytes = try FileAccess.readFile(path).get()
        let diagnostics = Diagnostics()
        let preprocessor = Preprocessor(diagnostics: diagnostics)
        for define in defines { preprocessor.defineFromCommandLine(define) }
        let tree = Parser.parse(Source(name: path, bytes: bytes), preprocessor: preprocessor)
        _ = Settings.build(tree, diagnostics: diagnostics)
        return (tree, diagnostics)
    }

    @Test(.enabled(if: present, "the corpus is not beside the repository"), arguments: CorpusConfigs.files)
    func hasNoSyntaxError(path: String) throws {
        let (tree, diagnostics) = try CorpusConfigTests.parse(path)
        #expect(diagnostics.errors == 0, "\(diagnostics.text)")
        #expect(!tree.routes.isEmpty)
    }

    /// Every `WITH_…` of the default config, each alone and all together.
    @Test(.enabled(if: present, "the corpus is not beside the repository"), arguments: ["current", "5.6"])
    func defaultConfigWithEveryFeature(version: String) throws {
        let path = "\(CorpusConfigs.folder)/kamailio-\(version).cfg"
        let text = String(decoding: try FileAccess.readFile(path).get(), as: UTF8.self)
        var features: Set<String> = []
        for line in text.split(separator: "\n") where line.hasPrefix("#!if") {
            let words = line.split(separator: " ")
            if words.count == 2, words[1].hasPrefix("WITH_"), words[1] != "WITH_MYSQL" {
                features.insert(String(words[1]))
            }
        }
        #expect(features.count > 10)
        for defines: [String] in features.sorted().map({ ["WITH_MYSQL", $0] }) + [features.sorted() + ["WITH_MYSQL"]] {
            let (_, diagnostics) = try CorpusConfigTests.parse(path, defines: defines)
            #expect(diagnostics.errors == 0, "\(defines): \(diagnostics.text)")
        }
    }
}
