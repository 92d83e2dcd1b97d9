import PluginKit

extension Writer {
    /// Writes a text, and answers where it lies now; cut when there is no room.
    public mutating func copy(_ text: apus_str) -> apus_str {
        let from = count
        add(text)
        return apus_str(start: start + from, count: count - from)
    }
}
