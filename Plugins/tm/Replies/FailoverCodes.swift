import PluginKit

// Invariants: written in `start`, read only once workers run.

/// The replies of `failover_reply_codes`, which let the next address of a look-up be tried as no answer and 503 do.
struct FailoverCodes {
    /// One bit for each status from 300 on.
    private var bits: [7 of UInt64] = InlineArray(repeating: 0)

    init() {}

    /// From "code=403;code=488;class=5"; nil when it is written otherwise.
    init?(_ text: apus_str) {
        var rest = text
        while let item = rest.next(0x3b) {
            var part = item.trimmed
            guard !part.isEmpty else { continue }
            guard let name = part.next(0x3d)?.trimmed, let number = part.trimmed.number else { return nil }
            if name.equalsIgnoringCase("code"), 300...699 ~= number {
                insert(Int(number))
            } else if name.equalsIgnoringCase("class"), 3...6 ~= number {
                for code in Int(number) * 100..<Int(number) * 100 + 100 { insert(code) }
            } else {
                return nil
            }
        }
    }

    func contains(_ status: Int32) -> Bool {
        let bit = Int(status) - 300
        return 0..<448 ~= bit && bits[bit >> 6] & 1 << UInt64(bit & 63) != 0
    }

    private mutating func insert(_ code: Int) { bits[(code - 300) >> 6] |= 1 << UInt64((code - 300) & 63) }
}
