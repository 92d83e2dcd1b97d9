import PluginKit

// Invariants: a message's Iterators lie in its own memory, are reached by its slot, and are touched by its home worker only. They count headers and
// bytes of one form of the message: when its bytes begin elsewhere, because its edits were applied, all of them are over.

/// Where scripts are in the headers and in the body of a message, by the names that they chose.
struct Iterators {
    /// The bytes that the places are about.
    var base: UnsafePointer<CChar>?
    var headers: [4 of Iterator]
    var lines: [4 of Iterator]

    static let nameLimit = 64

    struct Iterator {
        /// False: it is free.
        var isUsed = false
        var nameCount = 0
        var name: [64 of UInt8] = InlineArray(repeating: 0)
        /// Of headers the index, of lines the offset in the body; -1 before the first.
        var place = -1
        /// Bytes of the line that stands there.
        var count = 0

        func isNamed(_ text: apus_str) -> Bool {
            guard isUsed, nameCount == text.len else { return false }
            for index in 0..<nameCount where name[index] != text[index] { return false }
            return true
        }

        /// Precondition: the name is no longer than `nameLimit`.
        init(_ text: apus_str) {
            isUsed = true
            nameCount = text.len
            for index in 0..<text.len { name[index] = text[index] }
        }

        init() {}
    }
}

/// What an iterator goes through.
enum Walk {
    case headers, lines
}

extension Message {
    /// The message's Iterators; nil when no script has begun any since its bytes are these.
    func iterators(_ slots: UnsafePointer<apus_slots_api>, _ slot: CInt) -> UnsafeMutablePointer<Iterators>? {
        guard let all = slots.pointee.message(handle, slot)?.assumingMemoryBound(to: Iterators.self),
            all.pointee.base == api.pointee.bytes(handle).s
        else { return nil }
        return all
    }

    /// The iterator of that name.
    func iterator(
        _ host: Host, _ slot: CInt, _ walk: Walk, _ name: apus_str
    ) -> UnsafeMutablePointer<Iterators.Iterator>? {
        guard let all = iterators(host.pointee.slots, slot), let list = all.list(walk) else { return nil }
        for index in 0..<4 where list[index].isNamed(name) { return list + index }
        return nil
    }

    /// Where an iterator over lines stands.
    func line(_ iterator: UnsafeMutablePointer<Iterators.Iterator>) -> apus_str? {
        let body = part(APUS_PART_BODY)
        let (start, count) = (iterator.pointee.place, iterator.pointee.count)
        return start >= 0 && count > 0 && start + count <= body.len ? body[start..<start + count] : nil
    }
}

extension UnsafeMutablePointer<Iterators> {
    func list(_ walk: Walk) -> UnsafeMutablePointer<Iterators.Iterator>? {
        let list: UnsafeMutableRawPointer? =
            switch walk {
            case .headers: UnsafeMutableRawPointer(pointer(to: \.headers))
            case .lines: UnsafeMutableRawPointer(pointer(to: \.lines))
            }
        return list?.assumingMemoryBound(to: Iterators.Iterator.self)
    }
}

extension UnsafePointer<apus_call> {
    private var slot: CInt { pointee.user.state.pointee.iterators }

    /// The iterator that the first argument names.
    func iterator(_ walk: Walk) -> UnsafeMutablePointer<Iterators.Iterator>? {
        message.iterator(host, slot, walk, text(0))
    }

    /// Begins an iterator before the first, or begins it again. False when four others are under way.
    func startIterator(_ walk: Walk) -> CInt {
        let name = text(0)
        guard name.len <= Iterators.nameLimit else { return fail("the name of an iterator has at most 64 bytes") }
        guard let list = madeIterators?.list(walk) else { return fail("no memory for an iterator") }
        var free: Int?
        for index in 0..<4 {
            if list[index].isNamed(name) {
                free = index
                break
            }
            if !list[index].isUsed, free == nil { free = index }
        }
        guard let free else { return fail("four iterators are under way") }
        list[free] = Iterators.Iterator(name)
        return .true
    }

    func endIterator(_ walk: Walk) -> CInt {
        guard let iterator = iterator(walk) else { return .false }
        iterator.pointee.isUsed = false
        return .true
    }

    private var madeIterators: UnsafeMutablePointer<Iterators>? {
        let slots = host.pointee.slots
        if let all = message.iterators(slots, slot) { return all }
        let fresh = Iterators(
            base: message.api.pointee.bytes(pointee.msg).s, headers: InlineArray(repeating: Iterators.Iterator()),
            lines: InlineArray(repeating: Iterators.Iterator()))
        if let former = slots.pointee.message(pointee.msg, slot)?.assumingMemoryBound(to: Iterators.self) {
            former.pointee = fresh
            return former
        }
        guard let memory = message.api.pointee.allocate(pointee.msg, MemoryLayout<Iterators>.size) else { return nil }
        let made = memory.bindMemory(to: Iterators.self, capacity: 1)
        made.initialize(to: fresh)
        slots.pointee.set_message(pointee.msg, slot, made)
        return made
    }
}
