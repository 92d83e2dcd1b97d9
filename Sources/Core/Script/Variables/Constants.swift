import Glibc
import PluginAPI

// Invariants: see Access.swift. The process never changes its environment, so a pointer from getenv stays valid.

/// `$null`, `$true`, `$rc`, characters that are hard to write, the environment, evaluated texts, counts.
extension CoreVariables {
    static func declareConstants(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("null", "No value: comparing with it asks for `defined`, assigning it clears.") { _, _ in
            -1
        }
        try declare.variable("$", "A dollar sign.") { $1.give(Bytes("$")) }
        try declare.variable("true", "The number 1.") { $1.give(1) }
        try declare.variable("rc retcode ?", number: true, "Code of the last module function or route.") {
            $1.give($0.run.pointee.rc)
        }
        try declare.variable("env", inner: "*", "A variable of the server's environment.") {
            $1.give(CoreVariables.environment($0.inner))
        }
        try declare.variable("envn", inner: "*", "A variable of the server's environment as a number.") {
            $1.give(CoreVariables.environment($0.inner).map { apus_str($0).asInt } ?? 0)
        }
        try declare.variable("_s", inner: "*", dynamic: true, "The text in the parentheses, its variables expanded.") {
            $1.give($0.inner)
        }
        try declareCharacters(declare)
        try declareCount(declare)
        try declareNumbers(declare)
    }

    private static func declareCharacters(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("En", "A newline.") { $1.give(Bytes("\n")) }
        try declare.variable("Er", "A carriage return.") { $1.give(Bytes("\r")) }
        try declare.variable("Et", "A tab.") { $1.give(Bytes("\t")) }
        try declare.variable("Es", "A space.") { $1.give(Bytes(" ")) }
        try declare.variable("Ec", "A comma.") { $1.give(Bytes(",")) }
        try declare.variable("Eq", "A double quote.") { $1.give(Bytes("\"")) }
        try declare.variable("Ek", "A single quote.") { $1.give(Bytes("'")) }
        try declare.variable("Ei", "A colon.") { $1.give(Bytes(":")) }
        try declare.variable("Ej", "A semicolon.") { $1.give(Bytes(";")) }
        try declare.variable("Eb", "A backslash.") { $1.give(Bytes("\\")) }
        try declare.variable("Ev", "A backquote.") { $1.give(Bytes("`")) }
    }

    /// `$cnt($avp(x))`: the compiler puts the `CompiledVariable` of the inner text into `user`, and into the inner id how it is counted.
    private static func declareCount(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("cnt", inner: "*", "How many values the variable in the parentheses has.") { access, out in
            guard let counted = access.pointee.user else { return -1 }
            var variable = UnsafeRawPointer(counted).assumingMemoryBound(to: CompiledVariable.self).pointee
            variable.transformationCount = 0
            if let kind = Counting(rawValue: access.pointee.inner_id)?.xavps {
                if let format = variable.innerFormat { variable.inner = access.run.expand(format) ?? apus_str() }
                return out.give(access.countXAVPs(variable.inner.bytes, kind))
            }
            variable.indexVariable = nil
            variable.indexKind = UInt32(APUS_INDEX_NUMBER)
            variable.index = 0
            var value = apus_value.null
            if access.pointee.inner_id == Counting.single.rawValue {
                return out.give(access.run.read(&variable, into: &value) ? 1 : 0)
            }
            while variable.index < CoreVariables.countLimit, access.run.read(&variable, into: &value) {
                variable.index += 1
                value = .null
            }
            return out.give(variable.index)
        }
    }

    /// How `$cnt` counts the values of a variable.
    enum Counting: Int32 {
        /// By their indexes.
        case indexed
        /// It has one value or none.
        case single
        case xavp, xavi, xavu

        init(_ declaration: VariableDeclaration) {
            switch declaration.name {
            case "xavp": self = .xavp
            case "xavi": self = .xavi
            case "xavu": self = .xavu
            default: self = declaration.indexed ? .indexed : .single
            }
        }

        fileprivate var xavps: XAVPList.Kind? {
            switch self {
            case .indexed, .single: nil
            case .xavp: .xavp
            case .xavi: .xavi
            case .xavu: .xavu
            }
        }
    }

    /// Values that `$cnt` counts at most.
    private static var countLimit: Int64 { 10_000 }

    /// `$K(name)`: numbers with names.
    private static func declareNumbers(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable(
            "K", inner: "IPv4|INET|IP4|IPv6|INET6|IP6|UDP|TCP|TLS|SCTP|WS|WSS",
            "Number of an address family ($af(id)) or a transport ($prid)."
        ) {
            switch $0.pointee.inner_id {
            case 0...2: $1.give(AF_INET)
            case 3...5: $1.give(AF_INET6)
            case 6: $1.give(APUS_UDP)
            case 7: $1.give(APUS_TCP)
            case 8: $1.give(APUS_TLS)
            case 9: $1.give(APUS_SCTP)
            case 10: $1.give(APUS_WS)
            case 11: $1.give(APUS_WSS)
            default: -1
            }
        }
    }

    /// The value of an environment variable.
    private static func environment(_ name: Bytes) -> Bytes? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: name.count + 1) { buffer in
            guard let start = buffer.baseAddress else { return nil }
            UnsafeMutableRawPointer(start).copyMemory(from: name.start, byteCount: name.count)
            start[name.count] = 0
            guard let value = getenv(start) else { return nil }
            return Bytes(UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self), strlen(value))
        }
    }
}
