import CPcre2

// Invariants: `code` is not null, belongs to this object and is freed with it. Compiled code is read-only, so matching with it
// is safe on any thread; the match data belongs to the matching call or worker.

/// A compiled regular expression: POSIX extended syntax as PCRE2 reads it.
final class Regex: @unchecked Sendable {
    struct Failure: Error {
        let message: String
        /// Byte of the pattern at which it became wrong.
        let offset: Int
    }

    struct Options: OptionSet, Sendable {
        let rawValue: UInt32
        static let caseless = Options(rawValue: 1)
        /// `.` and brackets match a newline, `^` and `$` only the ends of the text.
        static let singleLine = Options(rawValue: 2)
    }

    let code: OpaquePointer
    /// Number of groups in parentheses.
    let groups: Int

    init(_ pattern: [UInt8], options: Options) throws(Failure) {
        var flags: UInt32 = options.contains(.caseless) ? PCRE2_CASELESS : 0
        flags |= options.contains(.singleLine) ? PCRE2_DOTALL : PCRE2_MULTILINE
        var error: Int32 = 0
        var offset = 0
        guard let compiled = pcre2_compile_8(pattern, pattern.count, flags, &error, &offset, nil) else {
            var text = [UInt8](repeating: 0, count: 256)
            let length = pcre2_get_error_message_8(error, &text, text.count)
            throw Failure(message: String(decoding: text.prefix(max(0, Int(length))), as: UTF8.self), offset: offset)
        }
        var count: UInt32 = 0
        pcre2_pattern_info_8(compiled, UInt32(PCRE2_INFO_CAPTURECOUNT), &count)
        code = compiled
        groups = Int(count)
    }

    deinit { pcre2_code_free_8(code) }

    /// The first match at or behind an offset: for each group its range, nil where it took no part. Cold code.
    func firstMatch(in text: [UInt8], from start: Int = 0) -> [Range<Int>?]? {
        guard let data = pcre2_match_data_create_from_pattern_8(code, nil) else { return nil }
        defer { pcre2_match_data_free_8(data) }
        guard pcre2_match_8(code, text, text.count, start, 0, data, nil) > 0 else { return nil }
        guard let ends = pcre2_get_ovector_pointer_8(data) else { return nil }
        return (0...groups).map { group in
            let (from, to) = (ends[2 * group], ends[2 * group + 1])
            return from == Int.max || from == -1 || from > to ? nil : from..<to
        }
    }
}
