import PluginAPI

// Invariants: see VM.swift; the stack holds the operands that the opcode names.

extension UnsafeMutablePointer<Run> {
    /// Carries out an instruction that only computes; answers the new top of the stack.
    func operate(_ instruction: Instruction, _ sp: UnsafeMutablePointer<apus_value>) -> UnsafeMutablePointer<apus_value>
    {
        switch instruction.opcode {
        case .not: sp[-1] = apus_value(!sp[-1].isTrue)
        case .truth: sp[-1] = apus_value(sp[-1].isTrue)
        case .negate: sp[-1] = apus_value(0 &- sp[-1].int)
        case .complement: sp[-1] = apus_value(~sp[-1].int)
        case .defined: sp[-1] = apus_value(sp[-1].isNull == (instruction.a == Comparison.negated))
        case .toInt: sp[-1] = apus_value(sp[-1].int)
        case .toText: sp[-1] = text(of: sp[-1]).map { apus_value($0) } ?? .failed
        case .textLength: sp[-1] = text(of: sp[-1]).map { apus_value(Int64($0.len)) } ?? .failed
        case .textEmpty: sp[-1] = text(of: sp[-1]).map { apus_value($0.len == 0) } ?? .failed
        case .equalConstant:
            let outcome = compare(sp - 1, pointee.image.pointee.constants + Int(instruction.c), instruction.a)
            sp[-1] = outcome < 0 ? .failed : apus_value(outcome > 0)
        case .matchConstant:
            sp[-1] = apus_value(match(sp - 1, pointee.image.pointee.regexes[Int(instruction.c)], instruction.a))
        case .match:
            let matches = matchNow(sp[-2], sp[-1])
            sp[-2] = apus_value(matches != (instruction.a == 1))
            return sp - 1
        default:
            sp[-2] = binary(instruction.opcode, sp[-2], sp[-1])
            return sp - 1
        }
        return sp
    }

    @inline(__always)
    private func binary(_ opcode: Opcode, _ left: apus_value, _ right: apus_value) -> apus_value {
        if left.hasFailed || right.hasFailed { return .failed }
        switch opcode {
        case .add: return left.hasInt && !left.hasText ? apus_value(left.num &+ right.int) : joined(left, right)
        case .join: return joined(left, right)
        case .subtract: return apus_value(left.int &- right.int)
        case .multiply: return apus_value(left.int &* right.int)
        case .divide, .modulo: return divided(opcode, left.int, right.int)
        case .bitAnd: return apus_value(left.int & right.int)
        case .bitOr: return apus_value(left.int | right.int)
        case .bitXor: return apus_value(left.int ^ right.int)
        case .shiftLeft: return apus_value(0...63 ~= right.int ? left.int << right.int : 0)
        case .shiftRight: return apus_value(0...63 ~= right.int ? left.int >> right.int : 0)
        case .equal: return apus_value(equal(left, right))
        case .notEqual: return apus_value(!equal(left, right))
        case .equalInt: return apus_value(left.int == right.int)
        case .notEqualInt: return apus_value(left.int != right.int)
        case .equalText: return apus_value(equalTexts(left, right))
        case .notEqualText: return apus_value(!equalTexts(left, right))
        case .less: return apus_value(left.int < right.int)
        case .greater: return apus_value(left.int > right.int)
        case .lessOrEqual: return apus_value(left.int <= right.int)
        case .greaterOrEqual: return apus_value(left.int >= right.int)
        default: return .failed
        }
    }

    private func joined(_ left: apus_value, _ right: apus_value) -> apus_value {
        guard let a = text(of: left), let b = text(of: right), let both = join(a, b) else {
            logAtStatement(.error, "a text grew too long (pv_buffer_size)")
            return .failed
        }
        return apus_value(both)
    }

    private func divided(_ opcode: Opcode, _ left: Int64, _ right: Int64) -> apus_value {
        guard right != 0 else {
            logAtStatement(.error, "division by zero")
            return .failed
        }
        // The one quotient that does not fit wraps, like all arithmetic here.
        if right == -1 { return apus_value(opcode == .divide ? 0 &- left : 0) }
        return apus_value(opcode == .divide ? left / right : left % right)
    }

    /// The type of the left value decides; a null left takes the right one's type.
    @inline(__always)
    private func equal(_ left: apus_value, _ right: apus_value) -> Bool {
        let byText = left.isNull ? right.hasText || right.isNull : left.hasText
        return byText ? equalTexts(left, right) : left.int == right.int
    }

    @inline(__always)
    private func equalTexts(_ left: apus_value, _ right: apus_value) -> Bool {
        guard let a = text(of: left), let b = text(of: right) else { return false }
        return a.equals(b)
    }

    /// A value beside a constant, compared as `Comparison` says: 1 when that holds, 0 when it does not, negative when the value's expression failed.
    @inline(__always)
    func compare(
        _ value: UnsafePointer<apus_value>, _ constant: UnsafePointer<apus_value>, _ comparison: UInt8
    ) -> Int32 {
        if value.pointee.hasFailed { return -1 }
        let isEqual: Bool
        if comparison & Comparison.asInts == 0, value.pointee.hasText, constant.pointee.hasText {
            isEqual = value.pointee.str.equals(constant.pointee.str)
        } else if comparison & Comparison.asTexts == 0, value.pointee.hasInt, constant.pointee.hasInt,
            comparison & Comparison.asInts != 0 || !value.pointee.hasText
        {
            isEqual = value.pointee.num == constant.pointee.num
        } else {
            isEqual = compareOthers(value.pointee, constant.pointee, comparison)
        }
        return isEqual == (comparison & Comparison.negated == 0) ? 1 : 0
    }

    /// Null beside anything, and what is converted.
    @inline(never)
    private func compareOthers(_ value: apus_value, _ constant: apus_value, _ comparison: UInt8) -> Bool {
        if comparison & Comparison.asInts != 0 { return value.int == constant.int }
        return comparison & Comparison.asTexts != 0 ? equalTexts(value, constant) : equal(value, constant)
    }

    /// Whether the value's text matches, or with `Comparison.negated` whether it does not.
    @inline(__always)
    func match(_ value: UnsafePointer<apus_value>, _ regex: OpaquePointer, _ comparison: UInt8) -> Bool {
        let matches = text(of: value.pointee).map { CompiledRegex(handle: regex).matches($0.bytes) } ?? false
        return matches == (comparison & Comparison.negated == 0)
    }

    private func matchNow(_ subject: apus_value, _ pattern: apus_value) -> Bool {
        guard let subject = text(of: subject), let pattern = text(of: pattern) else { return false }
        guard let regex = CompiledRegex(now: pattern.bytes, .dotAll) else {
            logAtStatement(.error, "not a regular expression: ", pattern.bytes)
            return false
        }
        defer { regex.free() }
        return regex.matches(subject.bytes)
    }
}
