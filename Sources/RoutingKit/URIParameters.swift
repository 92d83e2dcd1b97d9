import PluginKit

extension apus_uri {
    /// Where `;name=value` stands in the URI's text, at `from` or behind it; nil when it has no such parameter.
    public func place(ofParameter name: apus_str, in text: apus_str, from earliest: Int = 0) -> Range<Int>? {
        guard let start = text.s, let first = params.s, !params.isEmpty else { return nil }
        // A leading `;` may belong to the parameters or stand in front of them.
        var from = first - start
        let end = from + params.len
        if text[from] != UInt8(ascii: ";") { from -= 1 }
        from = max(from, earliest)
        while from < end {
            let next = text.index(of: UInt8(ascii: ";"), from: from + 1).map { min($0, end) } ?? end
            var rest = text[from + 1..<next]
            if let found = rest.next(UInt8(ascii: "=")), found.trimmed.equalsIgnoringCase(name) { return from..<next }
            from = next
        }
        return nil
    }
}
