import Glibc
import PluginKit

// Invariants: nothing here waits. A pipe or terminal that `poll` calls writable takes PIPE_BUF bytes without blocking, as long as nobody else
// fills it in between.

/// `print("text")`: at once and as it is, without a line end of its own.
func printText(_ call: Call) -> CInt {
    var rest = call.text(0)
    while !rest.isEmpty {
        let piece = rest[0..<min(rest.len, Int(PIPE_BUF))]
        guard isWritable(STDOUT_FILENO) else {
            return call.fail("the standard output takes nothing: its reader is behind")
        }
        let written = write(STDOUT_FILENO, piece.s, piece.len)
        guard written > 0 else { return call.fail("the standard output cannot be written to") }
        rest = rest.dropFirst(written)
    }
    return .true
}

private func isWritable(_ descriptor: Int32) -> Bool {
    var asked = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&asked, 1, 0) == 1 && asked.revents & Int16(POLLOUT) != 0
}
