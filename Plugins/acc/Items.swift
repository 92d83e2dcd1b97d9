import PluginKit

// Invariants: the items lie in memory of the call's run, and so do the texts that are made here.

/// Names and values of a line.
struct Items {
    private struct Item {
        let name: apus_str
        let value: apus_str
    }

    private let call: Call
    private let start: UnsafeMutablePointer<Item>
    private let capacity: Int
    private var count = 0

    /// Nil when the run's limit is reached.
    init?(_ call: Call, capacity: Int) {
        let bytes = capacity * MemoryLayout<Item>.stride
        guard let memory = call.host.pointee.script.pointee.allocate(call, bytes) else { return nil }
        self.call = call
        self.capacity = capacity
        start = memory.bindMemory(to: Item.self, capacity: capacity)
    }

    mutating func add(_ name: apus_str, _ value: apus_str) {
        guard count < capacity else { return }
        (start + count).initialize(to: Item(name: name, value: value))
        count &+= 1
    }

    func size(separator: apus_str) -> Int {
        var size = 0
        for index in 0..<count { size &+= start[index].name.len &+ start[index].value.len &+ 1 &+ separator.len }
        return size
    }

    /// `name=value;name=value`; what does not fit is cut off.
    func write(to line: inout Writer, separator: apus_str) {
        for index in 0..<count {
            if index > 0 { line.addCut(separator) }
            line.addCut(start[index].name)
            line.addCut("=")
            line.addCut(start[index].value)
        }
    }
}

extension UnsafePointer<apus_call> {
    /// The variable's value as a text; nil when it is $null.
    func text(of variable: OpaquePointer) -> apus_str? {
        var value = apus_value()
        guard host.pointee.vars.pointee.get(self, variable, &value) > 0 else { return nil }
        if value.isText { return value.str }
        return value.isInt ? text(number: value.num) : nil
    }

    /// Two texts with a blank between them.
    func joined(_ first: apus_str, _ second: apus_str) -> apus_str {
        if first.isEmpty { return second }
        guard var text = writer(first.len + second.len + 1) else { return apus_str() }
        text.add(first)
        text.add(" ")
        text.add(second)
        return text.text
    }

    func text(number: Int64) -> apus_str {
        guard var text = writer(20) else { return apus_str() }
        text.add(number: number)
        return text.text
    }

    /// Empty for 0, which is no status.
    func codeText(_ code: Int32) -> apus_str { code == 0 ? "" : text(number: Int64(code)) }
}

extension Writer {
    /// As much of the text as there is room for.
    fileprivate mutating func addCut(_ text: apus_str) {
        let room = capacity - count
        add(text.len <= room ? text : text[0..<room])
    }
}
