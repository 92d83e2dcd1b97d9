import PluginAPI

// Invariants: a work is one piece of memory: this head, then copies of its requests and of all that they point to. It is the poster's until a pool has taken
// it. `next`, `state`, `isAbandoned` and `isInPage` are guarded by the pool's mutex; `status` and `result` are written by the pool's thread
// before it delivers the work, which makes it the receiver's. `mail` and `timer` are its home thread's means.

/// Work that a pool of connections is to do, and what has come of it.
struct DatabaseWork {
    /// With the work, and the pool's lock: must neither block nor come back to the pool.
    typealias Deliver = @convention(c) (UnsafeMutableRawPointer) -> Void
    /// On a thread of the pool: whether the reading is to go on.
    typealias Page = @convention(c) (UnsafePointer<apus_db_result>, UnsafeMutableRawPointer?) -> CInt

    enum State {
        case waiting
        case running
        case done
    }

    /// First, so that the mailbox's node is the work.
    var mail: MailNode
    var timer: TimerNode
    var next: UnsafeMutablePointer<DatabaseWork>?
    var requests: UnsafeBufferPointer<apus_db_request>
    let key: UInt64
    /// What it may take in all.
    var milliseconds: UInt32
    /// When nobody waits for it any more: monotonic nanoseconds; 0 before it is posted.
    var deadline: UInt64 = 0
    /// Some thread waits for it and does nothing else.
    var isWaited = false
    var state = State.waiting
    /// That thread waits no more.
    var isAbandoned = false
    /// `page` is being called.
    var isInPage = false
    /// Rows of a page; 0: all at once.
    var rows: UInt32 = 0
    var page: Page?
    var pageUser: UnsafeMutableRawPointer?
    /// Nil: nobody wants to know.
    var deliver: Deliver?

    var status = Int32(APUS_OK)
    /// Owned by the work.
    var result: UnsafeMutablePointer<DatabaseResult>?

    // What the receiver keeps with it.
    var token: UInt64 = 0
    var host: UnsafePointer<apus_host>?
    var done: UnsafeRawPointer?
    var user: UnsafeMutableRawPointer?
    /// The receiver was told that its time is over.
    var isOver = false

    fileprivate init(
        _ source: apus_db_work, receive: @escaping Mailbox.Callback, timer: TimerNode
    ) {
        mail = MailNode(receive: receive)
        self.timer = timer
        requests = UnsafeBufferPointer(start: nil, count: 0)
        key = source.key
        milliseconds = source.milliseconds
    }
}

extension UnsafeMutablePointer<DatabaseWork> {
    /// A copy of what a module wants done.
    /// - Parameters: what its mail and its timer call; both get the work.
    static func make(
        _ source: UnsafePointer<apus_db_work>, receive: @escaping Mailbox.Callback = { _, _ in },
        fire: @escaping TimerWheel.Callback = { _, _ in }
    ) -> UnsafeMutablePointer<DatabaseWork> {
        var measure = Packer(base: nil)
        _ = measure.requests(of: source.pointee)
        let head = (MemoryLayout<DatabaseWork>.size + 15) & ~15
        let raw = UnsafeMutableRawPointer.allocate(byteCount: head + measure.used, alignment: 16)
        let work = raw.bindMemory(to: DatabaseWork.self, capacity: 1)
        work.initialize(to: DatabaseWork(source.pointee, receive: receive, timer: TimerNode(context: raw, fire: fire)))
        var packer = Packer(base: raw + head)
        work.pointee.requests = packer.requests(of: source.pointee)
        return work
    }

    /// With its result.
    func free() {
        pointee.result?.free()
        UnsafeMutableRawPointer(self).deallocate()
    }

    /// The result, which is the caller's from now on.
    func takeResult() -> UnsafeMutablePointer<DatabaseResult> {
        let result = pointee.result ?? .make()
        pointee.result = nil
        return result
    }

    var timer: UnsafeMutablePointer<TimerNode> {
        (UnsafeMutableRawPointer(self) + MemoryLayout<DatabaseWork>.offset(of: \.timer)!)
            .assumingMemoryBound(to: TimerNode.self)
    }

    var mail: UnsafeMutablePointer<MailNode> {
        UnsafeMutableRawPointer(self).assumingMemoryBound(to: MailNode.self)
    }

    /// It only reads: doing it twice is the same as once.
    var onlyReads: Bool { pointee.requests.allSatisfy { Int($0.kind) == APUS_DB_SELECT } }
}

/// Copies requests and what they point to into one piece of memory; without one it measures what they need.
private struct Packer {
    let base: UnsafeMutableRawPointer?
    private(set) var used = 0

    init(base: UnsafeMutableRawPointer?) { self.base = base }

    mutating func requests(of work: apus_db_work) -> UnsafeBufferPointer<apus_db_request> {
        let count = Int(work.count)
        guard count > 0 else { return UnsafeBufferPointer(start: nil, count: 0) }
        // Requests of a module that was built with fewer members stand closer together.
        let stride = Int(work.requests.pointee.size)
        let place = room(for: apus_db_request.self, count)
        for index in 0..<count {
            var request = apus_db_request()
            withUnsafeMutableBytes(of: &request) { bytes in
                let given = UnsafeRawBufferPointer(
                    start: UnsafeRawPointer(work.requests) + index * stride, count: min(stride, bytes.count))
                bytes.copyMemory(from: given)
            }
            copyParts(of: &request)
            if let place { (place + index).initialize(to: request) }
        }
        return UnsafeBufferPointer(start: place, count: place == nil ? 0 : count)
    }

    private mutating func copyParts(of request: inout apus_db_request) {
        request.table = text(request.table)
        request.sql = text(request.sql)
        request.columns = texts(request.columns, &request.column_count)
        request.keys = texts(request.keys, &request.key_count)
        request.order = texts(request.order, &request.order_count)
        request.sets = terms(request.sets, &request.set_count)
        request.where = terms(request.where, &request.where_count)
        if request.values == nil { request.value_count = 0 }
        request.values = copies(request.values, request.value_count) { value, packer in
            value.str = packer.text(value.str)
        }
    }

    private mutating func texts(_ source: UnsafePointer<apus_str>?, _ count: inout UInt32) -> UnsafePointer<apus_str>? {
        if source == nil { count = 0 }
        return copies(source, count) { text, packer in text = packer.text(text) }
    }

    private mutating func terms(
        _ source: UnsafePointer<apus_db_term>?, _ count: inout UInt32
    ) -> UnsafePointer<apus_db_term>? {
        if source == nil { count = 0 }
        return copies(source, count) { term, packer in
            term.column = packer.text(term.column)
            term.value.str = packer.text(term.value.str)
        }
    }

    private mutating func copies<Element>(
        _ source: UnsafePointer<Element>?, _ count: UInt32, _ copyParts: (inout Element, inout Packer) -> Void
    ) -> UnsafePointer<Element>? {
        guard let source, count > 0 else { return nil }
        let place = room(for: Element.self, Int(count))
        for index in 0..<Int(count) {
            var element = source[index]
            copyParts(&element, &self)
            if let place { (place + index).initialize(to: element) }
        }
        return UnsafePointer(place)
    }

    private mutating func text(_ source: apus_str) -> apus_str {
        guard let start = source.s else { return apus_str() }
        let place = room(for: CChar.self, max(1, source.len))
        place?.initialize(from: start, count: source.len)
        return apus_str(s: place, len: source.len)
    }

    private mutating func room<Element>(for _: Element.Type, _ count: Int) -> UnsafeMutablePointer<Element>? {
        let alignment = MemoryLayout<Element>.alignment
        used = (used + alignment - 1) & ~(alignment - 1)
        defer { used += count * MemoryLayout<Element>.stride }
        return base.map { ($0 + used).bindMemory(to: Element.self, capacity: count) }
    }
}
