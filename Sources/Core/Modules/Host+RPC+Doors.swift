import PluginAPI

// Invariants: `apus_items` is a pointer to an AnswerView on the stack of whoever calls `done`. Items that a module gives are copied before
// `start` returns; an ItemList owns what its items point to.

/// The part of the group `rpc` that doors use.
extension HostTables {
    /// `rpc->start`.
    static func start(_ host: UnsafePointer<apus_host>, _ given: UnsafePointer<apus_request>) -> UInt64 {
        let request = given.pointee
        let caller = DoorCaller(host: host, done: request.done, user: request.user)
        var made = CommandRequest(name: request.name.string)
        made.onlyReads = request.flags & UInt32(APUS_RPC_READS) != 0
        made.language = HostTables.languages(request.flags)
        made.isHeard = request.flags & UInt32(APUS_RPC_UNHEARD) == 0
        made.takesParts = request.parts != 0
        if request.max_answer > 0 { made.maxAnswer = Int(request.max_answer) }
        made.door = request.door.string
        made.peer = request.peer.string
        var reader = ItemReader(UnsafeBufferPointer(start: request.items, count: Int(request.count)))
        // What is no row of values fits no command: it is refused where the others are, with the fault 400.
        made.values = reader.all() ?? [.array([])]
        return host.modules.management.execute(made) { caller.tell($0, $1) }
    }

    /// `rpc->next`.
    static func next(
        _ items: OpaquePointer, _ position: UnsafeMutablePointer<UInt64>, _ out: UnsafeMutablePointer<apus_item>
    ) -> CInt {
        let view = UnsafePointer<AnswerView>(items).pointee
        var at = Int(clamping: position.pointee)
        guard let (item, key) = view.next(&at) else { return CInt(APUS_FALSE) }
        position.pointee = UInt64(at)
        var made = apus_item()
        if let key {
            made.keyed = 1
            made.key = apus_str(key)
        }
        switch item {
        case .int(let number): (made.kind, made.num) = (UInt32(APUS_ITEM_INT), number)
        case .double(let number): (made.kind, made.real) = (UInt32(APUS_ITEM_DOUBLE), number)
        case .text(let text): (made.kind, made.str) = (UInt32(APUS_ITEM_STRING), apus_str(text))
        case .map: made.kind = UInt32(APUS_ITEM_MAP)
        case .array: made.kind = UInt32(APUS_ITEM_ARRAY)
        case .end: made.kind = UInt32(APUS_ITEM_END)
        }
        out.pointee = made
        return CInt(APUS_TRUE)
    }
}

/// A door that waits for the end of an execution.
private struct DoorCaller: @unchecked Sendable {
    let host: UnsafePointer<apus_host>
    let done: @convention(c) (UnsafePointer<apus_host>, UnsafePointer<apus_result>) -> Void
    let user: UnsafeMutableRawPointer?

    func tell(_ id: UInt64, _ result: Execution.Result) {
        var made = apus_result()
        made.size = UInt32(MemoryLayout<apus_result>.size)
        made.code = 200
        made.execution = id
        made.user = user
        switch result {
        case .fault(let fault):
            made.code = Int32(fault.code)
            made.refusal = fault.refusal?.rawValue ?? 0
            fault.text.withUnsafeBufferPointer { text in
                made.text = apus_str(text.baseAddress.map { Bytes($0, text.count) } ?? .empty)
                done(host, &made)
            }
        case .answer(let answer): show(answer, &made)
        case .part(let answer):
            made.more = 1
            show(answer, &made)
        }
    }

    private func show(_ answer: Answer, _ result: inout apus_result) {
        answer.view { view in
            withUnsafePointer(to: view) { view in
                result.answer = OpaquePointer(view)
                done(host, &result)
            }
        }
    }
}

/// Values out of the items that a door has put together.
private struct ItemReader {
    private let items: UnsafeBufferPointer<apus_item>
    private var at = 0

    init(_ items: UnsafeBufferPointer<apus_item>) { self.items = items }

    /// Nil when they are none: an end too many or too few, a nesting too deep, an unknown kind.
    mutating func all() -> [CommandValue]? {
        var values: [CommandValue] = []
        while at < items.count {
            guard let value = value(depth: 0) else { return nil }
            values.append(value)
        }
        return values
    }

    private mutating func value(depth: Int) -> CommandValue? {
        guard at < items.count, depth <= CommandValue.maxDepth else { return nil }
        let item = items[at]
        at += 1
        switch Int(item.kind) {
        case Int(APUS_ITEM_TEXT): return .text(HostTables.copy(item.str))
        case Int(APUS_ITEM_STRING): return .string(HostTables.copy(item.str))
        case Int(APUS_ITEM_INT): return .int(item.num)
        case Int(APUS_ITEM_DOUBLE): return .double(item.real)
        case Int(APUS_ITEM_MAP):
            var members: [CommandValue.Member] = []
            while !isEnd {
                guard at < items.count else { return nil }
                let key = HostTables.copy(items[at].key)
                guard let value = value(depth: depth + 1) else { return nil }
                members.append(CommandValue.Member(key: key, value: value))
            }
            at += 1
            return .map(members)
        case Int(APUS_ITEM_ARRAY):
            var values: [CommandValue] = []
            while !isEnd {
                guard let value = value(depth: depth + 1) else { return nil }
                values.append(value)
            }
            at += 1
            return .array(values)
        default: return nil
        }
    }

    private var isEnd: Bool { at < items.count && Int(items[at].kind) == Int(APUS_ITEM_END) }
}

/// An argument as items, for a command that looks into it.
final class ItemList {
    let start: UnsafeMutablePointer<apus_item>
    let count: Int
    private var texts: [UnsafeMutablePointer<UInt8>] = []

    init(_ value: CommandValue) {
        count = ItemList.size(of: value)
        start = .allocate(capacity: count)
        var at = 0
        write(value, key: nil, &at)
    }

    deinit {
        start.deallocate()
        for text in texts { text.deallocate() }
    }

    private static func size(of value: CommandValue) -> Int {
        switch value {
        case .map(let members): members.reduce(2) { $0 + size(of: $1.value) }
        case .array(let values): values.reduce(2) { $0 + size(of: $1) }
        default: 1
        }
    }

    private func write(_ value: CommandValue, key: [UInt8]?, _ at: inout Int) {
        var item = apus_item()
        if let key {
            item.keyed = 1
            item.key = keep(key)
        }
        switch value {
        case .text(let text): (item.kind, item.str) = (UInt32(APUS_ITEM_TEXT), keep(text))
        case .string(let text): (item.kind, item.str) = (UInt32(APUS_ITEM_STRING), keep(text))
        case .int(let number): (item.kind, item.num) = (UInt32(APUS_ITEM_INT), number)
        case .double(let number): (item.kind, item.real) = (UInt32(APUS_ITEM_DOUBLE), number)
        case .map: item.kind = UInt32(APUS_ITEM_MAP)
        case .array: item.kind = UInt32(APUS_ITEM_ARRAY)
        }
        add(item, &at)
        switch value {
        case .map(let members): for member in members { write(member.value, key: member.key, &at) }
        case .array(let values): for value in values { write(value, key: nil, &at) }
        default: return
        }
        var end = apus_item()
        end.kind = UInt32(APUS_ITEM_END)
        add(end, &at)
    }

    private func add(_ item: apus_item, _ at: inout Int) {
        (start + at).initialize(to: item)
        at += 1
    }

    private func keep(_ text: [UInt8]) -> apus_str {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, text.count))
        memory.initialize(from: text, count: text.count)
        texts.append(memory)
        return apus_str(Bytes(UnsafePointer(memory), text.count))
    }
}
