import PluginAPI

// Invariants: as for AVPs (AVP.swift): all lies in the list's arena, texts are never changed nor freed before it ends. A node is in one
// chain only.

/// The XAVPs of a set: values under names, some of them lists of fields.
struct XAVPList {
    struct Node {
        var name: Bytes
        /// Unless it is a list.
        var value: apus_value
        var isList: Bool
        /// Of a list its fields, newest first.
        var fields: UnsafeMutablePointer<Node>?
        var next: UnsafeMutablePointer<Node>?
    }

    /// The three kinds, each with names of its own.
    enum Kind: Int {
        /// Any number of values under a name, newest first.
        case xavp
        /// One value under a name.
        case xavu
        /// As xavp; the case of names does not matter.
        case xavi

        // Written out: an array of all cases would be made for each list.
        static let count = 3
    }

    private let arena: UnsafeMutablePointer<Arena>
    /// One for each kind: lists without a name, whose fields are the values.
    private let roots: UnsafeMutablePointer<Node>
    private var free: UnsafeMutablePointer<Node>?

    /// A list in the memory of an arena; nil when that is out.
    static func make(in arena: UnsafeMutablePointer<Arena>) -> UnsafeMutablePointer<XAVPList>? {
        let count = Kind.count
        guard let place = arena.pointee.allocate(MemoryLayout<XAVPList>.stride),
            let rootPlace = arena.pointee.allocate(count * MemoryLayout<Node>.stride)
        else { return nil }
        let roots = rootPlace.bindMemory(to: Node.self, capacity: count)
        roots.initialize(
            repeating: Node(name: .empty, value: .null, isList: true, fields: nil, next: nil), count: count)
        let list = place.bindMemory(to: XAVPList.self, capacity: 1)
        list.initialize(to: XAVPList(arena: arena, roots: roots, free: nil))
        return list
    }

    /// The list that holds all values of a kind.
    @inline(__always)
    func root(_ kind: Kind) -> UnsafeMutablePointer<Node> { roots + kind.rawValue }

    // MARK: - Looking up

    @inline(__always)
    static func matches(_ node: UnsafeMutablePointer<Node>, _ name: Bytes, _ kind: Kind) -> Bool {
        kind == .xavi ? node.pointee.name.equalsIgnoringCase(name) : node.pointee.name == name
    }

    /// How many values of that name a list has.
    static func count(_ name: Bytes, in list: UnsafeMutablePointer<Node>, _ kind: Kind) -> Int {
        var count = 0
        var next = list.pointee.fields
        while let node = next {
            if matches(node, name, kind) { count &+= 1 }
            next = node.pointee.next
        }
        return count
    }

    /// The value of that name that the index means; the first one for none and for all.
    static func find(
        _ step: XAVPPath.Step, in list: UnsafeMutablePointer<Node>, _ kind: Kind
    ) -> UnsafeMutablePointer<Node>? {
        var rest: Int64 = 0
        if case .number(let index) = step.index {
            rest = index >= 0 ? index : index &+ Int64(count(step.name, in: list, kind))
            if rest < 0 { return nil }
        }
        var next = list.pointee.fields
        while let node = next {
            if matches(node, step.name, kind) {
                if rest == 0 { return node }
                rest &-= 1
            }
            next = node.pointee.next
        }
        return nil
    }

    // MARK: - Changing

    /// Puts a value on top of a list, or a list without fields when there is none; name and text are copied. Nil when memory is out.
    mutating func add(
        _ name: Bytes, _ value: apus_value?, to list: UnsafeMutablePointer<Node>
    ) -> UnsafeMutablePointer<Node>? {
        guard let node = makeNode(name) else { return nil }
        if let value {
            guard store(value, in: node) else { return nil }
        } else {
            node.pointee.isList = true
        }
        node.pointee.next = list.pointee.fields
        list.pointee.fields = node
        return node
    }

    /// Puts a list with one field on top of a list.
    mutating func addList(
        _ name: Bytes, field: Bytes, _ value: apus_value, to list: UnsafeMutablePointer<Node>
    ) -> Bool {
        guard let node = add(name, nil, to: list) else { return false }
        if add(field, value, to: node) != nil { return true }
        unlink(node, from: list)
        return false
    }

    /// Makes a node a list without fields.
    mutating func makeList(_ node: UnsafeMutablePointer<Node>) {
        releaseFields(of: node)
        node.pointee.isList = true
    }

    /// Gives a node a value, copied; the fields that it had are removed.
    mutating func store(_ value: apus_value, in node: UnsafeMutablePointer<Node>) -> Bool {
        var value = value
        if value.hasText {
            guard let text = arena.pointee.copy(value.str.bytes) else { return false }
            value.str = apus_str(text)
        }
        releaseFields(of: node)
        node.pointee.isList = false
        node.pointee.value = value
        return true
    }

    /// Removes what the step means from a list: the first, one, or all.
    mutating func remove(_ step: XAVPPath.Step, from list: UnsafeMutablePointer<Node>, _ kind: Kind) {
        repeat {
            guard let gone = XAVPList.find(step, in: list, kind) else { return }
            unlink(gone, from: list)
        } while step.index == .all
    }

    /// Puts a node of a list behind another one of it, nil for in front of all.
    static func move(
        _ node: UnsafeMutablePointer<Node>, behind other: UnsafeMutablePointer<Node>?,
        in list: UnsafeMutablePointer<Node>
    ) {
        guard node != other, takeOut(node, of: list) else { return }
        if let other {
            node.pointee.next = other.pointee.next
            other.pointee.next = node
        } else {
            node.pointee.next = list.pointee.fields
            list.pointee.fields = node
        }
    }

    /// False when it is not in the list.
    private static func takeOut(
        _ gone: UnsafeMutablePointer<Node>, of list: UnsafeMutablePointer<Node>
    ) -> Bool {
        if list.pointee.fields == gone {
            list.pointee.fields = gone.pointee.next
            return true
        }
        var node = list.pointee.fields
        while let before = node, before.pointee.next != gone { node = before.pointee.next }
        node?.pointee.next = gone.pointee.next
        return node != nil
    }

    /// Removes a node of a list, with its fields.
    mutating func unlink(_ gone: UnsafeMutablePointer<Node>, from list: UnsafeMutablePointer<Node>) {
        guard XAVPList.takeOut(gone, of: list) else { return }
        releaseFields(of: gone)
        gone.pointee.next = free
        free = gone
    }

    /// Fields have no fields.
    private mutating func releaseFields(of list: UnsafeMutablePointer<Node>) {
        while let node = list.pointee.fields {
            list.pointee.fields = node.pointee.next
            node.pointee.next = free
            free = node
        }
    }

    private mutating func makeNode(_ name: Bytes) -> UnsafeMutablePointer<Node>? {
        guard let name = arena.pointee.copy(name) else { return nil }
        let node: UnsafeMutablePointer<Node>
        if let old = free {
            free = old.pointee.next
            node = old
        } else {
            guard let place = arena.pointee.allocate(MemoryLayout<Node>.stride) else { return nil }
            node = place.bindMemory(to: Node.self, capacity: 1)
        }
        node.initialize(to: Node(name: name, value: .null, isList: false, fields: nil, next: nil))
        return node
    }
}

/// `name[index]=>field[index]`, the inner name of `$xavp` and its kin.
struct XAVPPath {
    enum Index: Equatable {
        case none
        case number(Int64)
        case all
    }

    struct Step {
        var name: Bytes
        var index: Index
    }

    var item: Step
    var field: Step?

    /// Nil when it is none.
    init?(_ inner: Bytes) {
        var at = 0
        guard let item = XAVPPath.step(inner, &at) else { return nil }
        self.item = item
        guard at < inner.count else { return }
        guard at + 2 <= inner.count, inner[at] == UInt8(ascii: "="), inner[at + 1] == UInt8(ascii: ">") else {
            return nil
        }
        at += 2
        guard let field = XAVPPath.step(inner, &at), at == inner.count else { return nil }
        self.field = field
    }

    private static func step(_ text: Bytes, _ at: inout Int) -> Step? {
        at = text.skipSpace(from: at)
        let start = at
        while at < text.count, text[at] != UInt8(ascii: "["), text[at] != UInt8(ascii: "=") { at += 1 }
        var step = Step(name: text[start..<at].trimmed, index: .none)
        guard !step.name.isEmpty else { return nil }
        guard at < text.count, text[at] == UInt8(ascii: "[") else { return step }
        guard let close = text.firstIndex(of: UInt8(ascii: "]"), from: at) else { return nil }
        let index = text[at + 1..<close].trimmed
        if index == "*" {
            step.index = .all
        } else {
            let isNegative = !index.isEmpty && index[0] == UInt8(ascii: "-")
            guard let number = index.dropFirst(isNegative ? 1 : 0).decimal(limit: UInt64(Int32.max)) else { return nil }
            step.index = .number(isNegative ? -Int64(number) : Int64(number))
        }
        at = text.skipSpace(from: close + 1)
        return step
    }
}
