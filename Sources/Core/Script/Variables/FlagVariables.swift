import PluginAPI

/// `$mf`, `$sf`, `$bf`: message, script and branch flags as numbers, hexadecimal texts and single bits. In `$Mf(n)` the compiler puts
/// the number of a flag's name into `inner_id`.
extension CoreVariables {
    static func declareFlags(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("mf", number: true, "All message flags as a number.") {
            $1.give($0.message.routing.flags)
        } set: {
            guard let flags = $1.flags else { return -1 }
            $0.message.routing.flags = flags
            return 1
        }
        try declare.variable("mF", "All message flags as a hexadecimal number.") {
            $1.giveHex($0, $0.message.routing.flags)
        } set: {
            guard let flags = $1.flags else { return -1 }
            $0.message.routing.flags = flags
            return 1
        }
        try declare.variable("Mf", inner: "*", "A message flag: 1 or 0.") {
            $1.giveFlag($0, $0.message.routing.flags)
        } set: {
            $0.setFlag($1, &$0.message.routing.flags)
        }
        try declareScriptFlags(declare)
        try declareBranchFlags(declare)
    }

    private static func declareScriptFlags(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("sf", "All script flags as a number.") {
            $1.give($0.run.pointee.flags)
        } set: {
            guard let flags = $1.flags else { return -1 }
            $0.run.pointee.flags = flags
            return 1
        }
        try declare.variable("sF", "All script flags as a hexadecimal number.") {
            $1.giveHex($0, $0.run.pointee.flags)
        } set: {
            guard let flags = $1.flags else { return -1 }
            $0.run.pointee.flags = flags
            return 1
        }
        try declare.variable("Sf", inner: "*", "A script flag: 1 or 0.") {
            $1.giveFlag($0, $0.run.pointee.flags)
        } set: {
            $0.setFlag($1, &$0.run.pointee.flags)
        }
    }

    private static func declareBranchFlags(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("bf", "All flags of the first branch as a number.") {
            $1.give($0.message.routing.current.flags)
        } set: {
            guard let flags = $1.flags else { return -1 }
            $0.message.routing.current.flags = flags
            return 1
        }
        try declare.variable("bF", "All flags of the first branch as a hexadecimal number.") {
            $1.giveHex($0, $0.message.routing.current.flags)
        } set: {
            guard let flags = $1.flags else { return -1 }
            $0.message.routing.current.flags = flags
            return 1
        }
        try declare.variable("Bf", inner: "*", "A flag of the first branch: 1 or 0.") {
            $1.giveFlag($0, $0.message.routing.current.flags)
        } set: {
            $0.setFlag($1, &$0.message.routing.current.flags)
        }
    }
}

extension UnsafePointer<apus_value> {
    /// As a set of flags: $null is none; nil for what is no number.
    fileprivate var flags: UInt32? {
        if pointee.isNull { return 0 }
        return pointee.hasInt ? UInt32(truncatingIfNeeded: pointee.num) : nil
    }
}

extension UnsafePointer<apus_access> {
    /// The bit that the inner name means; nil when it is no flag.
    fileprivate var flagBit: UInt32? {
        var number = Int64(pointee.inner_id)
        if number < 0 {
            guard let written = inner.decimal(limit: 31) else { return nil }
            number = Int64(written)
        }
        return number <= 31 ? 1 << UInt32(truncatingIfNeeded: number) : nil
    }

    /// $null clears the flag.
    fileprivate func setFlag(_ value: UnsafePointer<apus_value>, _ flags: inout UInt32) -> CInt {
        guard let bit = flagBit, value.pointee.isNull || value.pointee.hasInt else { return -1 }
        if value.pointee.isNull || value.pointee.num == 0 { flags &= ~bit } else { flags |= bit }
        return 1
    }
}

extension UnsafeMutablePointer<apus_value> {
    fileprivate func giveFlag(_ access: UnsafePointer<apus_access>, _ flags: UInt32) -> CInt {
        guard let bit = access.flagBit else { return -1 }
        return give(flags & bit != 0 ? 1 : 0)
    }

    /// Eight digits.
    fileprivate func giveHex(_ access: UnsafePointer<apus_access>, _ flags: UInt32) -> CInt {
        guard
            let text = access.run.compose(
                8,
                {
                    for shift in stride(from: UInt32(28), through: 0, by: -4) {
                        let digit = UInt8(truncatingIfNeeded: flags >> shift & 15)
                        $0.write(byte: digit < 10 ? 0x30 + digit : 0x57 + digit)
                    }
                })
        else { return -1 }
        return give(text, flags)
    }
}
