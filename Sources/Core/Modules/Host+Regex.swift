import Glibc
import PluginAPI

// Invariants: `apus_regex` is the handle of a CompiledRegex. One that `compile` made in a function's `prepare` is the program's, any other is
// never freed; one of `compile_now` is its run's, one of `make` its module's.

/// The group `regex`: apus/regex.h.
extension HostTables {
    static func makeRegex() -> apus_regex_api {
        apus_regex_api(
            size: size(apus_regex_api.self),
            compile: { host, pattern, flags, complaint in
                guard let regex = HostTables.compile(pattern, flags, complaint) else { return nil }
                if host.isPreparing { host.modules.texts?.keep(regex) }
                return regex.handle
            },
            compile_now: { call, pattern, flags in
                UnsafeMutablePointer<Run>(call.pointee.run)
                    .compile(pattern, CompiledRegex.Options(rawValue: flags & 3))
            },
            match: { regex, subject, from, groups, capacity in
                guard from <= subject.len else { return 0 }
                let count = CompiledRegex(handle: regex).match(subject.bytes, from: from)
                guard count > 0, let groups, capacity > 0 else { return CInt(min(count, 1)) }
                let filled = min(count, Int(capacity))
                for index in 0..<filled {
                    let group = CompiledRegex.group(index)
                    groups[index] = apus_match(
                        start: group.map(\.lowerBound) ?? Int(bitPattern: UInt.max), end: group.map(\.upperBound) ?? 0)
                }
                return CInt(filled)
            },
            make: { _, pattern, flags, complaint in HostTables.compile(pattern, flags, complaint)?.handle },
            free: { regex in
                if let regex { CompiledRegex(handle: regex).free() }
            })
    }

    private static func compile(
        _ pattern: apus_str, _ flags: UInt32, _ complaint: UnsafeMutablePointer<apus_complaint>
    ) -> CompiledRegex? {
        do throws(CompiledRegex.Mistake) {
            return try CompiledRegex(pattern.bytes, CompiledRegex.Options(rawValue: flags & 3))
        } catch {
            complaint.fill(offset: error.offset, error.text)
            return nil
        }
    }
}

extension UnsafeMutablePointer<apus_complaint> {
    /// Writes what is wrong, cut to the room that there is.
    func fill(offset: Int, _ text: String) {
        var text = text
        text.withUTF8 { bytes in
            let count = Swift.min(bytes.count, pointee.capacity)
            if let start = bytes.baseAddress { memcpy(pointee.text, start, count) }
            pointee.len = count
            pointee.offset = UInt32(clamping: offset)
        }
    }
}
