import CLinux
import CPcre2

// Invariants: the handle owns one pcre2_code, read-only after compilation and so usable by all threads. Matching uses match data of the
// calling thread, made at its first match and kept; it holds at most `CompiledRegex.groupLimit` groups.

/// A regular expression, compiled: `apus_regex` of the contract. Scripts write POSIX extended syntax; PCRE2 runs it, so the first
/// alternative that matches wins where POSIX takes the longest.
struct CompiledRegex {
    let handle: OpaquePointer

    struct Options: OptionSet {
        let rawValue: UInt32
        /// Case matters.
        static let caseSensitive = Options(rawValue: 1)
        /// The subject is one line: `.` matches a line end, `^` and `$` only its ends. Without it they see lines.
        static let dotAll = Options(rawValue: 2)
    }

    /// What is wrong with a pattern.
    struct Mistake: Error {
        /// Byte of the pattern.
        let offset: Int
        let text: String
    }

    static let groupLimit = 32
    /// Steps of backtracking after which a match is given up: a hostile text costs milliseconds, not minutes.
    private static let matchLimit: UInt32 = 200_000

    /// KiB that the interpreter may use where the machine code's 32 KiB of stack do not suffice.
    private static let heapLimit: UInt32 = 8192

    init(handle: OpaquePointer) { self.handle = handle }

    /// [start] Compiles, with machine code where the processor allows it.
    init(_ pattern: Bytes, _ options: Options) throws(Mistake) {
        var code: CInt = 0
        var offset = 0
        guard let handle = CompiledRegex.compile(pattern, options, &code, &offset) else {
            let text = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 160) { buffer in
                let count = pcre2_get_error_message_8(code, buffer.baseAddress, buffer.count)
                return count > 0 ? Bytes(UnsafePointer(buffer.baseAddress!), Int(count)).string : "not an expression"
            }
            throw Mistake(offset: offset, text: text)
        }
        pcre2_jit_compile_8(handle, UInt32(PCRE2_JIT_COMPLETE))
        self.handle = handle
    }

    /// [any] Compiles a pattern that is known only now; nil when it is wrong. `free` must follow.
    init?(now pattern: Bytes, _ options: Options) {
        var code: CInt = 0
        var offset = 0
        guard let handle = CompiledRegex.compile(pattern, options, &code, &offset) else { return nil }
        self.handle = handle
    }

    func free() { pcre2_code_free_8(handle) }

    /// [any] Whether it matches anywhere. False when the search was given up.
    func matches(_ subject: Bytes) -> Bool { match(subject, from: 0) > 0 }

    /// [any] Searches from a byte of the subject.
    /// - Returns: how many groups were set, at least 1; 0 when nothing matches; negative when the search was given up.
    ///   `group` reads them until this thread matches again.
    func match(_ subject: Bytes, from: Int) -> Int {
        guard from <= subject.count else { return -1 }
        let thread = CompiledRegex.readyThread
        let data = OpaquePointer(thread.pointee.match_data)
        let limits = OpaquePointer(thread.pointee.match_limits)
        // Straight to the machine code, which leaves out what pcre2_match looks at before: the place, above, and UTF, which no pattern has.
        var result = pcre2_jit_match_8(handle, subject.start, subject.count, from, 0, data, limits)
        // There is none, or it needs more stack.
        if result == PCRE2_ERROR_JIT_BADOPTION || result == PCRE2_ERROR_JIT_STACKLIMIT {
            let interpreted = UInt32(PCRE2_NO_JIT)
            result = pcre2_match_8(handle, subject.start, subject.count, from, interpreted, data, limits)
        }
        if result > 0 { return Int(result) }
        if result == 0 { return CompiledRegex.groupLimit }
        return result == PCRE2_ERROR_NOMATCH ? 0 : -1
    }

    /// [any] A group of this thread's last match; nil when it took no part.
    static func group(_ index: Int) -> Range<Int>? {
        let vector = pcre2_get_ovector_pointer_8(OpaquePointer(readyThread.pointee.match_data))!
        let start = vector[2 * index]
        // PCRE2_UNSET is the largest size.
        guard start != Int.max, start >= 0, vector[2 * index + 1] >= start else { return nil }
        return Int(start)..<Int(vector[2 * index + 1])
    }

    /// This thread, with what its matches need.
    @inline(__always)
    private static var readyThread: UnsafeMutablePointer<linux_thread> {
        let thread = linux_this_thread()!
        if thread.pointee.match_data == nil { prepare(thread) }
        return thread
    }

    @inline(never)
    private static func prepare(_ thread: UnsafeMutablePointer<linux_thread>) {
        let limits = pcre2_match_context_create_8(nil)!
        pcre2_set_match_limit_8(limits, matchLimit)
        pcre2_set_heap_limit_8(limits, heapLimit)
        thread.pointee.match_limits = UnsafeMutableRawPointer(limits)
        thread.pointee.match_data = UnsafeMutableRawPointer(pcre2_match_data_create_8(UInt32(groupLimit), nil)!)
    }

    private static func compile(
        _ pattern: Bytes, _ options: Options, _ code: inout CInt, _ offset: inout Int
    ) -> OpaquePointer? {
        var flags = UInt32(PCRE2_NEVER_UTF)
        if !options.contains(.caseSensitive) { flags |= UInt32(PCRE2_CASELESS) }
        if options.contains(.dotAll) {
            flags |= UInt32(PCRE2_DOTALL) | UInt32(PCRE2_DOLLAR_ENDONLY)
        } else {
            flags |= UInt32(PCRE2_MULTILINE)
        }
        return pcre2_compile_8(pattern.start, pattern.count, flags, &code, &offset, nil)
    }
}
