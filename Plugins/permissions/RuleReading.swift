import AccessLists
import Glibc
import PluginKit
import TableKit

// Invariants: on the thread that reads the config, or on one of `offload`: both may wait for files.

extension RuleName {
    /// The rules of a file, none when there is no such file.
    func read(
        _ host: Host, _ file: String, allocate: (Int) -> UnsafeMutableRawPointer?, compile: Compilation
    ) throws(ReadFault) -> Rules {
        guard isLoaded else { return Rules() }
        let path = host.path(besideConfig: file)
        guard access(path, F_OK) == 0 || errno != ENOENT else {
            host.log(.info, "there is no file \(path): it has no rule")
            return Rules()
        }
        let rules: [RuleFile.Rule]
        let bytes = try readFile(path)
        do throws(RuleFile.Mistake) { rules = try RuleFile.parse(bytes) } catch {
            throw ReadFault("\(path):\(error.line):\(error.column): \(error.text)")
        }
        return try Rules(host, rules, path, allocate: allocate, compile: compile)
    }

    /// In a `prepare`: the rules of a file, that end with the script.
    private func readForScript(_ host: Host, _ file: String) throws(ReadFault) -> Rules {
        try read(
            host, file, allocate: { host.pointee.script.pointee.allocate_prepared(host, $0) },
            compile: host.pointee.regex.pointee.compile)
    }

    /// In a `prepare`: the same of one file, as a RulePair whose other half has no rule.
    func prepare(
        _ host: Host, _ file: String, _ prepared: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        _ complaint: UnsafeMutablePointer<apus_complaint>
    ) -> CInt {
        RuleName.keep(host, prepared, complaint) { () throws(ReadFault) in
            let rules = try readForScript(host, file)
            return RulePair(allow: self == .allow ? rules : Rules(), deny: self == .deny ? rules : Rules())
        }
    }

    /// In a `prepare`: the pair of files of a basename, or the default one.
    static func prepare(
        _ host: Host, basename: apus_str, _ prepared: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        _ complaint: UnsafeMutablePointer<apus_complaint>
    ) -> CInt {
        let name = basename.isNull ? nil : basename.string
        return keep(host, prepared, complaint) { () throws(ReadFault) in
            RulePair(
                allow: try allow.readForScript(host, allow.file(name)),
                deny: try deny.readForScript(host, deny.file(name)))
        }
    }

    private static func keep(
        _ host: Host, _ prepared: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        _ complaint: UnsafeMutablePointer<apus_complaint>, _ make: () throws(ReadFault) -> RulePair
    ) -> CInt {
        do throws(ReadFault) {
            let pair = try make()
            guard let place = host.prepared(RulePair.self) else { throw ReadFault("memory is out") }
            place.initialize(to: pair)
            prepared.pointee = UnsafeMutableRawPointer(place)
            return .true
        } catch {
            return complaint.pointee.capacity > 0 ? complaint.say(error.text) : .false
        }
    }
}
