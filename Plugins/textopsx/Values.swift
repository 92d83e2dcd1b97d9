import PluginKit
import RoutingKit

// Invariants: a value is a piece of the message as it was received, and valid as long as nobody applies its edits.

extension Message {
    /// The value of that index; nil when there is none.
    func value(_ name: apus_str, at index: Int) -> apus_str? {
        var left = index
        if index < 0 {
            eachValue(name) { _ in
                left += 1
                return true
            }
            left += 1
        }
        var found: apus_str?
        guard left > 0 else { return nil }
        eachValue(name) {
            left -= 1
            if left == 0 { found = $0 }
            return left > 0
        }
        return found
    }

    /// The header of that index; nil when there is none.
    func header(_ name: apus_str, at index: Int) -> apus_header? {
        var left = index
        if index < 0 {
            eachHeader(name) { _ in
                left += 1
                return true
            }
            left += 1
        }
        var found: apus_header?
        guard left > 0 else { return nil }
        eachHeader(name) {
            left -= 1
            if left == 0 { found = $0 }
            return left > 0
        }
        return found
    }

    /// A text at a place between received bytes.
    func insert(_ text: apus_str, at place: UnsafePointer<CChar>) -> Bool {
        replace(apus_str(s: place, len: 0), with: text)
    }

    /// A header of its own, in front of all others or behind them.
    func add(_ name: apus_str, _ value: apus_str, inFront: Bool, _ call: Call) -> Bool {
        guard var line = call.writer(name.len + value.len + 4) else { return false }
        line.add(name)
        line.add(": ")
        line.add(value)
        line.add("\r\n")
        return inFront ? insert(line.text, before: nil) : insert(line.text, after: nil)
    }
}

extension apus_str {
    /// Where the text ends.
    var end: UnsafePointer<CChar> { s.unsafelyUnwrapped + len }
}

extension UnsafePointer<apus_call> {
    /// The path that the first argument is.
    var path: HeaderPath {
        argument(0).prepared.unsafelyUnwrapped.assumingMemoryBound(to: HeaderPath.self).pointee
    }

    /// An edit's answer.
    func edited(_ isDone: Bool) -> CInt {
        isDone ? .true : fail("the place was edited before, or memory is out")
    }

    /// Calls `edit` with the values that the path means. False when none was edited.
    func editValues(_ edit: (apus_str) -> CInt) -> CInt {
        let path = path
        if path.isAll {
            var result = CInt.false
            message.eachValue(path.name) {
                if edit($0) > 0 { result = .true }
                return true
            }
            return result
        }
        guard let value = message.value(path.name, at: path.index == 0 ? 1 : path.index) else { return .false }
        return edit(value)
    }

    /// The same with the values of whole headers.
    func editHeaders(_ edit: (apus_header) -> CInt) -> CInt {
        let path = path
        if path.isAll {
            var result = CInt.false
            message.eachHeader(path.name) {
                if edit($0) > 0 { result = .true }
                return true
            }
            return result
        }
        guard let header = message.header(path.name, at: path.index == 0 ? 1 : path.index) else { return .false }
        return edit(header)
    }
}
