import PluginKit

/// A function of apus/regex.h that compiles: `compile` or `make`, which differ in how long the expression lives.
public typealias Compilation =
    @convention(c) (Host, apus_str, UInt32, UnsafeMutablePointer<apus_complaint>) -> OpaquePointer?

extension UnsafePointer<apus_host> {
    /// Compiles an expression of a table or a file.
    /// - Parameter flags: `APUS_REGEX_…`
    public func expression(
        _ pattern: String, _ flags: Int = 0, by compile: Compilation
    ) throws(ReadFault) -> OpaquePointer {
        var pattern = pattern
        var reason = ""
        let made = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer -> OpaquePointer? in
            var complaint = apus_complaint(
                size: UInt32(MemoryLayout<apus_complaint>.size), offset: 0,
                text: buffer.baseAddress.unsafelyUnwrapped, capacity: buffer.count, len: 0)
            let made = pattern.withUTF8 {
                compile(self, apus_str(start: $0.baseAddress, count: $0.count), UInt32(flags), &complaint)
            }
            if made == nil {
                reason = "\(apus_str(s: complaint.text, len: complaint.len).string), at byte \(complaint.offset)"
            }
            return made
        }
        guard let made else { throw ReadFault("`\(pattern)`: \(reason)") }
        return made
    }
}
