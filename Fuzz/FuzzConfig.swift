// A config of arbitrary bytes: lexer, preprocessor, parser, binder, compiler and disassembler, with all that Core declares. Nothing is read from
// files and nothing is run. Every diagnostic is printed in both forms: their places must lie in the text.
import PluginAPI

private let registry: Registry = {
    let size = MemoryLayout<apus_host>.size
    let raw = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    let owner = Declarer(name: "core", host: UnsafePointer(raw.bindMemory(to: apus_host.self, capacity: 1)))
    let registry = Registry()
    do throws(Registry.Refusal) {
        try CoreFunctions.declare(in: registry, owner: owner)
        try CoreVariables.declare(in: registry, owner: owner)
    } catch {
        fatalError(error.text)
    }
    return registry
}()

@c(LLVMFuzzerTestOneInput)
public func fuzzConfig(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size < 100_000 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let diagnostics = Diagnostics()
    // A file that includes itself must end, too.
    let files = FileAccess(
        read: { $0.hasSuffix("x") ? .success(bytes) : .failure(FileFailure(2)) }, environment: { _ in nil })
    let preprocessor = Preprocessor(diagnostics: diagnostics, files: files)
    preprocessor.printout = []
    let tree = Parser.parse(Source(name: "fuzz.cfg", bytes: bytes), preprocessor: preprocessor)
    let settings = Settings.build(tree, diagnostics: diagnostics)
    if let program = Program.compile(tree, settings: settings, registry: registry, diagnostics: diagnostics) {
        _ = Disassembler(program).text
    } else {
        precondition(diagnostics.errors > 0, "a config is refused with a reason")
    }
    _ = diagnostics.text
    _ = diagnostics.json
    return 0
}
