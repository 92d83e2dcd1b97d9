import PluginKit

extension UnsafePointer<apus_call> {
    /// A text as whole header lines: with the line end that a script's author has left out; nil when there is no text.
    public func lines(_ index: Int) -> apus_str? {
        var text = text(index)
        if text.hasSuffix("\r\n") { return text.len > 2 ? text : nil }
        if text.hasSuffix("\n") { text = text[0..<text.len - 1] }
        guard !text.isEmpty, var writer = writer(text.len + 2) else { return nil }
        writer.add(text)
        writer.add("\r\n")
        return writer.text
    }
}

/// For `prepare`: warns of a constant header text without a line end, and refuses an empty one.
public func checkLines(_ host: Host, _ constant: apus_str, _ complaint: UnsafeMutablePointer<apus_complaint>) -> CInt {
    guard !constant.isEmpty else { return complaint.say("there is no header in an empty text") }
    if !constant.hasSuffix("\r\n") {
        host.log(.warning, "the header text \"\(constant.string)\" does not end in \\r\\n; it is added")
    }
    return .true
}
