import Glibc
import PluginAPI

// Invariants: all that a list leads to lies in its arena, which belongs to one worker and outlives every run that uses the list. Texts are
// never changed nor freed before the arena ends, since values that scripts have read point to them; removed nodes are used again.

/// The AVPs of a set, newest first.
struct AVPList {
    /// `$avp(s:name)` and `$avp(name)` are named by text, `$avp(i:7)` by number.
    struct Key {
        var name: Bytes
        var number: Int64
        var isNumber: Bool

        /// From the inner name.
        init(_ inner: Bytes) {
            name = inner
            number = 0
            isNumber = false
            guard inner.count >= 2, inner[1] == UInt8(ascii: ":") else { return }
            switch inner[0] {
            case UInt8(ascii: "s"), UInt8(ascii: "S"): name = inner.dropFirst(2)
            case UInt8(ascii: "i"), UInt8(ascii: "I"):
                isNumber = true
                number = apus_str(inner.dropFirst(2)).asInt
                name = .empty
            default: break
            }
        }

        @inline(__always)
        func equals(_ other: Key) -> Bool {
            isNumber == other.isNumber && number == other.number && name == other.name
        }
    }

    struct Node {
        var key: Key
        var value: apus_value
        /// `setavpflag`
        var flags: UInt32
        var next: UnsafeMutablePointer<Node>?
    }

    let arena: UnsafeMutablePointer<Arena>
    var first: UnsafeMutablePointer<Node>?
    private var free: UnsafeMutablePointer<Node>?

    init(arena: UnsafeMutablePointer<Arena>) {
        self.arena = arena
        first = nil
        free = nil
    }

    /// The first node with that key from `node` on.
    @inline(__always)
    static func find(_ key: Key, from node: UnsafeMutablePointer<Node>?) -> UnsafeMutablePointer<Node>? {
        var next = node
        while let node = next {
            if node.pointee.key.equals(key) { return node }
            next = node.pointee.next
        }
        return nil
    }

    func count(_ key: Key) -> Int {
        var count = 0
        var next = AVPList.find(key, from: first)
        while let node = next {
            count &+= 1
            next = AVPList.find(key, from: node.pointee.next)
        }
        return count
    }

    /// The value at a place, 0 being the newest. Precondition: 0 <= place < count.
    func node(_ key: Key, at place: Int) -> UnsafeMutablePointer<Node>? {
        var rest = place
        var next = AVPList.find(key, from: first)
        while rest > 0, let node = next {
            rest &-= 1
            next = AVPList.find(key, from: node.pointee.next)
        }
        return next
    }

    /// Puts a value on top; key and text are copied. False when memory is out.
    mutating func add(_ key: Key, _ value: apus_value, flags: UInt32 = 0) -> Bool {
        var key = key
        var value = value
        if value.hasText {
            guard let text = arena.pointee.copy(value.str.bytes) else { return false }
            value.str = apus_str(text)
        }
        if let same = AVPList.find(key, from: first) {
            key = same.pointee.key
        } else {
            guard let name = arena.pointee.copy(key.name) else { return false }
            key.name = name
        }
        guard let node = takeNode() else { return false }
        node.initialize(to: Node(key: key, value: value, flags: flags, next: first))
        first = node
        return true
    }

    /// Removes the newest value of that key, or all of them.
    mutating func remove(_ key: Key, all: Bool) {
        var previous: UnsafeMutablePointer<Node>?
        var next = first
        while let node = next {
            next = node.pointee.next
            guard node.pointee.key.equals(key) else {
                previous = node
                continue
            }
            if let previous { previous.pointee.next = next } else { first = next }
            node.pointee.next = free
            free = node
            if !all { return }
        }
    }

    private mutating func takeNode() -> UnsafeMutablePointer<Node>? {
        if let node = free {
            free = node.pointee.next
            return node
        }
        return arena.pointee.allocate(MemoryLayout<Node>.stride)?.bindMemory(to: Node.self, capacity: 1)
    }
}

/// `$avp(name)`, `$(avp(name)[index])`.
extension CoreVariables {
    static func declareAVPs(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable(
            "avp", inner: "*", indexed: true, dynamic: true,
            "Values of the transaction under a name, the newest first. Assigning adds one on top.", get: getAVP
        ) { access, value in
            let key = AVPList.Key(access.inner)
            if value.pointee.isNull {
                access.run.avpList?.pointee.remove(key, all: access.wantsAll)
                return 1
            }
            guard let list = access.run.madeAVPList else { return -1 }
            if access.wantsAll { list.pointee.remove(key, all: true) }
            return list.pointee.add(key, value.pointee) ? 1 : -1
        }
    }

    /// Also tells whether a variable is an AVP: see `AVPList.key(of:)`.
    static let getAVP: VariableDeclaration.Get = { access, out in
        guard let list = access.run.avpList else { return -1 }
        let key = AVPList.Key(access.inner)
        guard let first = AVPList.find(key, from: list.pointee.first) else { return -1 }
        switch access.pointee.index_kind {
        case UInt32(APUS_INDEX_NONE): return out.give(first.pointee.value)
        case UInt32(APUS_INDEX_ALL): return out.give(CoreVariables.allAVPs(access, list, key))
        default:
            guard let place = access.place(in: list.pointee.count(key)),
                let node = list.pointee.node(key, at: place)
            else { return -1 }
            return out.give(node.pointee.value)
        }
    }

    private static func allAVPs(
        _ access: UnsafePointer<apus_access>, _ list: UnsafeMutablePointer<AVPList>, _ key: AVPList.Key
    ) -> Bytes? {
        let count = list.pointee.count(key)
        return withUnsafeTemporaryAllocation(of: Bytes.self, capacity: count) { texts in
            var next = AVPList.find(key, from: list.pointee.first)
            var index = 0
            while let node = next, index < count {
                (texts.baseAddress! + index).initialize(
                    to: access.run.text(of: node.pointee.value)?.bytes ?? .empty)
                index += 1
                next = AVPList.find(key, from: node.pointee.next)
            }
            return access.run.joined(count, separator: ", ") { texts[$0] }
        }
    }
}

extension AVPList.Key {
    /// The key of a variable when it is an AVP, its inner name evaluated; nil for others.
    init?(_ variable: UnsafePointer<CompiledVariable>, _ run: UnsafeMutablePointer<Run>) {
        let get = unsafeBitCast(variable.pointee.get, to: UnsafeRawPointer.self)
        guard get == unsafeBitCast(CoreVariables.getAVP, to: UnsafeRawPointer.self) else { return nil }
        guard let format = variable.pointee.innerFormat else {
            self.init(variable.pointee.inner.bytes)
            return
        }
        guard let inner = run.expand(format) else { return nil }
        self.init(inner.bytes)
    }
}
