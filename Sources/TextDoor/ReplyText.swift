import PluginKit

/// The text of a reply, made of a command's answer as it comes.
public struct ReplyText {
    private let dialect: Dialect
    private let isForm: Bool
    private var tree: TreeWriter
    private var lines = LineWriter()
    private var hasStatus = false

    /// - Parameter isForm: the command answers with lines, the status line first.
    public init(_ dialect: Dialect, isForm: Bool, indent: apus_str) {
        self.dialect = dialect
        self.isForm = isForm
        tree = TreeWriter(indent: indent.bytes.map { $0 })
    }

    /// What is to be written for the answer, or the next part of it.
    public mutating func add(_ result: UnsafePointer<apus_result>, _ host: Host) -> [UInt8] {
        guard result.pointee.code == 200, let items = result.pointee.answer else {
            // It began well: its end is missing, and that is all that can be told.
            if hasStatus { return [] }
            hasStatus = true
            return Array("\(result.pointee.code) ".utf8) + result.pointee.text.bytes.map { $0 } + [0x0A]
        }
        var out: [UInt8] = []
        if !isForm { addStatus(&out) }
        var position: UInt64 = 0
        var item = apus_item()
        while host.pointee.rpc.pointee.next(items, &position, &item) > 0 {
            if isForm { add(line: item, &out) } else if dialect == .ctl { add(value: item) } else { add(item) }
        }
        if result.pointee.more == 0 { addStatus(&out) }
        return out + tree.take() + lines.take()
    }

    private mutating func addStatus(_ out: inout [UInt8]) {
        if hasStatus { return }
        hasStatus = true
        out += Array((dialect == .ser ? "200 ok\n" : "200 OK\n").utf8)
    }

    /// A text may be several lines.
    private mutating func add(line item: apus_item, _ out: inout [UInt8]) {
        hasStatus = true
        out.append(contentsOf: item.str.bytes)
        if out.last != 0x0A { out.append(0x0A) }
    }

    private mutating func add(value item: apus_item) {
        let key = item.keyed == 0 ? apus_str() : item.key
        switch Int(item.kind) {
        case Int(APUS_ITEM_INT): lines.value(String(item.num).utf8, key: key.bytes)
        case Int(APUS_ITEM_DOUBLE): lines.value("\(item.real)".utf8, key: key.bytes)
        case Int(APUS_ITEM_MAP): lines.openMap(key: key.bytes)
        case Int(APUS_ITEM_ARRAY): lines.openArray(key: key.bytes)
        case Int(APUS_ITEM_END): lines.close()
        default: lines.value(item.str.bytes, key: key.bytes)
        }
    }

    private mutating func add(_ item: apus_item) {
        let key = item.keyed == 0 ? apus_str() : item.key
        switch Int(item.kind) {
        case Int(APUS_ITEM_INT): tree.value(String(item.num).utf8, key: key.bytes)
        case Int(APUS_ITEM_DOUBLE): tree.value("\(item.real)".utf8, key: key.bytes)
        case Int(APUS_ITEM_MAP): tree.openMap(key: key.bytes)
        case Int(APUS_ITEM_ARRAY): tree.openArray(key: key.bytes)
        case Int(APUS_ITEM_END): tree.close()
        default: tree.value(item.str.bytes, key: key.bytes)
        }
    }
}

extension UnsafePointer<apus_host> {
    /// Executes what somebody asks for by a text protocol. `user` is given to `done` without a reference.
    public func start(
        _ request: TextRequest, flags: UInt32, parts: Bool, door: apus_str, peer: apus_str, _ user: AnyObject,
        done: @escaping @convention(c) (Host, UnsafePointer<apus_result>) -> Void
    ) -> UInt64 {
        // The host copies all of it: until then the texts lie in one row.
        let bytes = request.name + request.arguments.joined()
        return bytes.withUnsafeBufferPointer { bytes in
            var at = request.name.count
            let items = request.arguments.map { argument in
                var item = apus_item()
                item.kind = UInt32(APUS_ITEM_TEXT)
                item.str =
                    argument.isEmpty ? "" : apus_str(start: bytes.baseAddress.map { $0 + at }, count: argument.count)
                at += argument.count
                return item
            }
            return items.withUnsafeBufferPointer { items in
                var made = apus_request(
                    size: UInt32(MemoryLayout<apus_request>.size), flags: flags,
                    name: apus_str(start: bytes.baseAddress, count: request.name.count), items: items.baseAddress,
                    count: UInt32(items.count), max_answer: 0, parts: parts ? 1 : 0, reserved: 0, door: door,
                    peer: peer, done: done, user: Unmanaged.passUnretained(user).toOpaque())
                return pointee.rpc.pointee.start(self, &made)
            }
        }
    }
}
