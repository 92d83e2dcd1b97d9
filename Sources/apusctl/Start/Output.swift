import Glibc
import JSON

/// Standard output and standard error.
enum Output {
    /// Writes a text as it is.
    static func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                // Whoever read it has gone, as `head` does.
                exit(errno == EPIPE ? 0 : 1)
            }
        }
    }

    static func line(_ text: String) { write(text + "\n") }

    static func json(_ value: JSONValue) { line(value.text) }

    static func complain(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}

extension String {
    /// What came from the network, fit for a terminal: line ends and tabs stay, other control characters become `\x1b`.
    var printable: String {
        guard unicodeScalars.contains(where: { String.isControl($0) }) else { return self }
        var result = ""
        for scalar in unicodeScalars {
            if !String.isControl(scalar) {
                result.unicodeScalars.append(scalar)
            } else if scalar != "\r" {
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return result
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        (scalar.value < 32 && scalar != "\n" && scalar != "\t") || (127...159).contains(scalar.value)
    }
}
