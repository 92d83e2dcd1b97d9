// Invariants: `bytes` is a row of items as `Tag` describes them, whole at any time, so that `visit` needs no checks. One thread at a
// time.

/// What a command answers, as its module builds it: values, maps and arrays, nested. Doors render it by visitors (Answer+Visit.swift).
///
/// Nothing that a builder does wrong harms the server: the first mistake is kept in `misuse`, and what comes after it is ignored.
final class Answer {
    /// Begins an item. With the bit `keyed` a key follows, then what the comment says; texts and keys are a UInt32 length and bytes.
    enum Tag {
        static let int: UInt8 = 1  // 8 bytes
        static let double: UInt8 = 2  // 8 bytes
        static let text: UInt8 = 3  // a text
        static let map: UInt8 = 4
        static let array: UInt8 = 5
        static let close: UInt8 = 6
        static let keyed: UInt8 = 0x80
    }

    /// Maps and arrays inside each other.
    static let maxDepth = 32
    /// Bytes of an answer.
    static let maxSize = 64 << 20

    private(set) var bytes: [UInt8] = []
    /// Values at the top.
    private(set) var count = 0
    /// What is open, outermost first: true for a map.
    private(set) var open: [Bool] = []
    /// Instead of an answer.
    private(set) var fault: CommandFault?
    /// Bytes that it may have.
    private let limit: Int
    /// What the builder did wrong first.
    private(set) var misuse: String?

    init(limit: Int = Answer.maxSize) { self.limit = min(limit, Answer.maxSize) }

    /// Forgets what is there: it has been shown to whoever takes the answer in parts. What is open stays open.
    func dropPart() { bytes = [] }

    func add(_ value: Int64, key: Bytes? = nil) {
        guard begin(Tag.int, key, 8) else { return }
        append(UInt64(bitPattern: value))
    }

    func add(_ value: Double, key: Bytes? = nil) {
        guard begin(Tag.double, key, 8) else { return }
        append(value.bitPattern)
    }

    func add(_ value: Bytes, key: Bytes? = nil) {
        guard begin(Tag.text, key, 4 + value.count) else { return }
        append(text: value)
    }

    func openMap(key: Bytes? = nil) { open(Tag.map, key) }

    func openArray(key: Bytes? = nil) { open(Tag.array, key) }

    /// Closes the map or array that was opened last.
    func close() {
        if misuse != nil || fault != nil { return }
        guard open.popLast() != nil else { return refuse("it closes a map or array, and none is open") }
        bytes.append(Tag.close)
    }

    /// Gives up on an answer. The first one stays.
    /// - Parameter code: 300 ... 999.
    func fail(_ code: Int, _ text: Bytes) {
        guard fault == nil else { return }
        guard (300...999).contains(code) else { return refuse("\(code) is no code of a fault: 300 to 999") }
        fault = CommandFault(code: code, Array(UnsafeBufferPointer(start: text.start, count: text.count)))
    }

    /// The builder made a mistake; the first one stays.
    func refuse(_ text: String) {
        if misuse == nil { misuse = text }
    }

    private func open(_ tag: UInt8, _ key: Bytes?) {
        guard begin(tag, key, 0) else { return }
        open.append(tag == Tag.map)
    }

    /// Writes what stands before an item's value, when the item may stand here.
    private func begin(_ tag: UInt8, _ key: Bytes?, _ size: Int) -> Bool {
        if misuse != nil || fault != nil { return false }
        if let why = objection(tag, key, size) {
            refuse(why)
            return false
        }
        guard hasRoom(key, size) else {
            fail(413, "the answer is larger than \(limit) bytes")
            return false
        }
        bytes.append(key == nil ? tag : tag | Tag.keyed)
        if let key { append(text: key) }
        if open.isEmpty { count += 1 }
        return true
    }

    private func objection(_ tag: UInt8, _ key: Bytes?, _ size: Int) -> String? {
        if open.last == true, key == nil { return "it adds a value to a map without a key" }
        if open.last != true, let key {
            return "it gives the key `\(key.prefix(min(80, key.count)).string)` outside a map"
        }
        if tag >= Tag.map, open.count >= Answer.maxDepth {
            return "its answer is nested deeper than \(Answer.maxDepth)"
        }
        return nil
    }

    /// Behind each item there must be room to close all that is open.
    private func hasRoom(_ key: Bytes?, _ size: Int) -> Bool {
        let room = limit - bytes.count - open.count - 8
        return size <= room && (key?.count ?? 0) <= room - size
    }

    private func append(_ number: UInt64) { withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) } }

    private func append(text: Bytes) {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: text.count)) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.start, count: text.count))
    }
}

extension Bytes {
    fileprivate init(_ utf8: UnsafeBufferPointer<UInt8>) {
        self = utf8.baseAddress.map { Bytes($0, utf8.count) } ?? .empty
    }
}

extension Answer {
    func add(_ value: String, key: StaticString? = nil) {
        var value = value
        value.withUTF8 { utf8 in
            add(utf8.baseAddress.map { Bytes($0, utf8.count) } ?? .empty, key: key.map { Bytes($0) })
        }
    }

    func add(_ value: Int64, key: StaticString) { add(value, key: Bytes(key)) }

    func add(_ value: Int, key: StaticString) { add(Int64(value), key: Bytes(key)) }

    /// Under a key that is no constant.
    func add(_ value: String, named key: String) {
        var key = key
        key.withUTF8 { key in
            var value = value
            value.withUTF8 { add(Bytes($0), key: Bytes(key)) }
        }
    }

    func add(_ value: Int64, named key: String) {
        var key = key
        key.withUTF8 { add(value, key: Bytes($0)) }
    }

    /// A map of what `body` adds.
    func map(key: StaticString? = nil, _ body: () -> Void) {
        openMap(key: key.map { Bytes($0) })
        body()
        close()
    }

    /// An array of what `body` adds.
    func array(key: StaticString? = nil, _ body: () -> Void) {
        openArray(key: key.map { Bytes($0) })
        body()
        close()
    }

    func fail(_ code: Int, _ text: String) {
        var text = text
        text.withUTF8 { utf8 in fail(code, utf8.baseAddress.map { Bytes($0, utf8.count) } ?? .empty) }
    }
}
