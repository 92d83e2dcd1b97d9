import PluginKit
import Synchronization

// Invariants: never changed once it is shared. One that was replaced stays: operators change it seldom.

/// The answers to a probe that are good beside 2xx.
struct ReplyCodes {
    /// A bit for each status from 100 on.
    private var words: [10 of UInt64] = InlineArray(repeating: 0)

    /// `code=403;class=3`, with semicolons, colons or commas between; nil with what is wrong.
    init?(_ text: apus_str, _ complain: (String) -> Void) {
        for piece in text.string.split(whereSeparator: { ";:,".contains($0) }) {
            let parts = piece.split(separator: "=", maxSplits: 1)
            let number = parts.count == 2 ? Int(parts[1].filter { $0 != " " }) : nil
            switch (parts.first.map { $0.filter { $0 != " " } }, number) {
            case ("code", .some(let code)) where 100...699 ~= code: insert(code...code)
            case ("class", .some(let kind)) where 1...6 ~= kind: insert(kind * 100...kind * 100 + 99)
            default:
                complain("`\(piece)` is neither code=100…699 nor class=1…6")
                return nil
            }
        }
    }

    private mutating func insert(_ codes: ClosedRange<Int>) {
        for code in codes { words[(code - 100) / 64] |= 1 << UInt64((code - 100) % 64) }
    }

    func contains(_ code: Int32) -> Bool {
        100...699 ~= code && words[Int(code - 100) / 64] & 1 << UInt64((code - 100) % 64) != 0
    }

    /// Puts a text in force; false, with the reason in the log, when it is none.
    @discardableResult
    static func take(_ text: apus_str, _ host: Host) -> Bool {
        guard let codes = ReplyCodes(text, { host.log(.error, "ds_ping_reply_codes: \($0)") }) else { return false }
        if codes.contains(408) {
            host.log(
                .warning,
                "ds_ping_reply_codes has 408, which is also the status of a probe that nobody answers: that counts as a success"
            )
        }
        state.pointee.shared.pointee.replyCodes.store(UInt(bitPattern: permanent(codes)), ordering: .releasing)
        return true
    }

    /// Whether an answer in force counts as a success.
    static func isGood(_ code: Int32) -> Bool {
        if 200...299 ~= code { return true }
        let place = state.pointee.shared.pointee.replyCodes.load(ordering: .acquiring)
        return UnsafePointer<ReplyCodes>(bitPattern: place)?.pointee.contains(code) ?? false
    }
}
