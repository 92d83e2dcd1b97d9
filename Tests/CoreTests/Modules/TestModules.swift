import Glibc
import PluginAPI
import Testing

@testable import Core

/// Modules of one test: its own registry, diagnostics and search path.
final class TestModules {
    let diagnostics = Diagnostics()
    let registry = Registry()
    let modules: Modules

    init(folders: [String] = []) {
        modules = Modules(
            registry: registry, statistics: Statistics(), diagnostics: diagnostics, path: SearchPath(builtIn: folders))
    }

    /// Where the build puts modules: beside the tests.
    static let products = SearchPath.standard.builtIn[0]

    /// A module that is in no file, declared by a function of the test.
    @discardableResult
    func add(
        _ name: String, needs: String = "", aliases: [String] = [],
        declare: (UnsafePointer<apus_host>) -> CInt = { _ in 1 },
        start: ModuleDescription.Step? = nil, stop: ModuleDescription.Stop? = nil
    ) throws -> (module: LoadedModule, outcome: LoadedModule.Outcome) {
        let description = ModuleDescription(
            name: name, version: "1.0", summary: "A module of the tests",
            needs: try ModuleDescription.Need.parse(needs),
            declare: nil, start: start, worker: nil, stop: stop)
        let module = LoadedModule(
            description, file: "/test/\(name).so", aliases: aliases, statement: nil, shared: modules.shared)
        modules.add(module)
        return (module, module.run(.declaring) { declare(module.host) })
    }

    /// Carries out a config's module statements.
    func load(_ config: String) {
        let source = Source(name: "test.cfg", text: config)
        let tree = Parser.parse(source, preprocessor: Preprocessor(diagnostics: diagnostics))
        modules.load(tree)
    }

    /// Each remark as `line:column severity: message | hint`.
    var remarks: [String] {
        diagnostics.ordered.map { remark in
            let place = remark.range.map { "\($0.line):\($0.column) " } ?? ""
            let hint = remark.hint.map { " | \($0)" } ?? ""
            return "\(place)\(remark.severity.rawValue): \(remark.message)\(hint)"
        }
    }
}

/// Memory of a module in a test, never freed.
func permanent<Value>(_ value: Value) -> UnsafeMutablePointer<Value> {
    let place = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    place.initialize(to: value)
    return place
}

extension StaticString {
    var cString: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}

extension UnsafePointer<apus_host> {
    /// A function that answers true.
    func function(
        _ name: StaticString, _ args: StaticString = "", routes: Int = APUS_ANY_ROUTE, flags: UInt32 = 0,
        size: Int = MemoryLayout<apus_function>.size
    ) -> CInt {
        let doc: StaticString = "Does nothing."
        var function = apus_function(
            size: UInt32(size), routes: UInt32(routes), flags: flags, reserved: 0, name: name.cString,
            args: args.cString, doc: doc.cString, call: { _ in 1 }, prepare: nil, user: nil)
        return pointee.script.pointee.add_function(self, &function)
    }

    func number(
        _ name: StaticString, into place: UnsafeMutablePointer<Int64>, initial: StaticString? = nil,
        range: ClosedRange<Int64> = 0...0
    ) -> CInt {
        let doc: StaticString = "A number of the tests."
        var parameter = apus_parameter(
            size: UInt32(MemoryLayout<apus_parameter>.size), kind: UInt32(APUS_PARAM_INT), flags: 0, reserved: 0,
            name: name.cString, doc: doc.cString, initial: initial?.cString, min: range.lowerBound,
            max: range.upperBound, into: place, set: nil, user: nil, changed: nil, in_force: nil, changed_min: 0,
            changed_max: 0, reading: nil)
        return pointee.config.pointee.add_parameter(self, &parameter)
    }

    func text(
        _ name: StaticString, into place: UnsafeMutablePointer<apus_str>, initial: StaticString? = nil
    ) -> CInt {
        let doc: StaticString = "A text of the tests."
        var parameter = apus_parameter(
            size: UInt32(MemoryLayout<apus_parameter>.size), kind: UInt32(APUS_PARAM_STRING), flags: 0, reserved: 0,
            name: name.cString, doc: doc.cString, initial: initial?.cString, min: 0, max: 0, into: place, set: nil,
            user: nil, changed: nil, in_force: nil, changed_min: 0, changed_max: 0, reading: nil)
        return pointee.config.pointee.add_parameter(self, &parameter)
    }

    func setter(
        _ name: StaticString, kind: Int = APUS_PARAM_EITHER, flags: Int = APUS_REPEATABLE,
        user: UnsafeMutableRawPointer? = nil, _ set: @escaping ParameterDeclaration.Setter
    ) -> CInt {
        let doc: StaticString = "A value of the tests."
        var parameter = apus_parameter(
            size: UInt32(MemoryLayout<apus_parameter>.size), kind: UInt32(kind), flags: UInt32(flags), reserved: 0,
            name: name.cString, doc: doc.cString, initial: nil, min: 0, max: 0, into: nil, set: set, user: user,
            changed: nil, in_force: nil, changed_min: 0, changed_max: 0, reading: nil)
        return pointee.config.pointee.add_parameter(self, &parameter)
    }

    func say(_ level: Int, _ text: StaticString) { pointee.log.pointee.write(self, CInt(level), apus_str(text)) }
}
