// Invariants: see MessageRecord. What is cached here lies in the message's arena.

extension Message {
    /// The header lines in their order.
    @inline(__always)
    var headerCount: Int { Int(record.pointee.headerCount) }

    /// Precondition: 0 <= index < headerCount.
    @inline(__always)
    func header(at index: Int) -> Header { record.pointee.headers[index] }

    /// The first header of that kind. Not for `.other`: see `header(named:from:)`.
    @inline(__always)
    func first(_ id: HeaderID) -> Header? {
        let first = record.pointee.firstOf[Int(id.rawValue)]
        return first == 0 ? nil : record.pointee.headers[Int(first &- 1)]
    }

    @inline(__always)
    func last(_ id: HeaderID) -> Header? {
        let last = record.pointee.lastOf[Int(id.rawValue)]
        return last == 0 ? nil : record.pointee.headers[Int(last &- 1)]
    }

    /// The next header of the same kind.
    @inline(__always)
    func next(after header: Header) -> Header? {
        header.next == 0 ? nil : record.pointee.headers[Int(header.next &- 1)]
    }

    /// The index of the first header at `from` or behind with that name, compact forms and case being equal; nil when there is none.
    @_noLocks
    func index(named name: Bytes, from: Int = 0) -> Int? {
        let id = HeaderName.id(of: name)
        // Along the chain of those with the id: 1 + the index of each.
        var next = Int(record.pointee.firstOf[Int(id.rawValue)])
        while next != 0 {
            let index = next &- 1
            if index >= from, id != .other || bytes(record.pointee.headers[index].name).equalsIgnoringCase(name) {
                return index
            }
            next = Int(record.pointee.headers[index].next)
        }
        return nil
    }

    /// The value of the first header of that kind without the white space around it, nil when there is none. Folded lines keep their line
    /// breaks: see `unfolded`.
    @inline(__always)
    func value(_ id: HeaderID) -> Bytes? { first(id).map { bytes($0.value) } }

    @inline(__always)
    func value(of header: Header) -> Bytes { bytes(header.value) }

    /// The value of a header with each fold as one space (RFC 3261 §7.3.1). Nil when memory is out.
    func unfolded(_ header: Header) -> Bytes? {
        let value = bytes(header.value)
        guard header.isFolded else { return value }
        guard let raw = arena.pointee.allocate(value.count) else { return nil }
        let out = raw.assumingMemoryBound(to: UInt8.self)
        var count = 0
        var at = 0
        while at < value.count {
            if value[at] == 13 || value[at] == 10 {
                at = value.skipSpace(from: at)
                out[count] = 32
            } else {
                out[count] = value[at]
                at &+= 1
            }
            count &+= 1
        }
        return Bytes(UnsafePointer(out), count)
    }

    // MARK: - Via

    /// The topmost Via; nil when there is none or it is broken, in which case the message was refused.
    @inline(__always)
    var topVia: Via? {
        if let via = record.pointee.cache.topVia { return via }
        if let text = value(.via) { readTopVia(text) }
        return record.pointee.cache.topVia
    }

    @inline(__always)
    func readTopVia(_ text: Bytes) {
        var end = 0
        record.pointee.cache.topVia = Via.parse(text, from: &end)
        record.pointee.cache.topViaEnd = UInt32(truncatingIfNeeded: end)
    }

    /// All Via values.
    var vias: Values<Via> {
        if let cached = record.pointee.cache.vias { return cached }
        // The first one has been read long ago.
        let top = topVia
        let values = collect(.via, behind: top.map { ($0, Int(record.pointee.cache.topViaEnd)) }) {
            Via.parse($0, from: &$1)
        }
        record.pointee.cache.vias = values
        return values
    }

    /// The Via at a place, 0 being the topmost; nil when there are not as many.
    func via(at index: Int) -> Via? {
        let vias = vias
        return index < vias.count ? vias[index] : nil
    }

    // MARK: - Addresses

    @inline(__always)
    var from: NameAddr? {
        if let from = record.pointee.cache.from { return from }
        record.pointee.cache.from = value(.from).flatMap { NameAddr.parse($0) }
        return record.pointee.cache.from
    }

    @inline(__always)
    var to: NameAddr? {
        if let to = record.pointee.cache.to { return to }
        record.pointee.cache.to = value(.to).flatMap { NameAddr.parse($0) }
        return record.pointee.cache.to
    }

    /// Nil when there is no tag; an empty tag is one of no bytes.
    @inline(__always)
    var fromTag: Bytes? { from?.tag }
    @inline(__always)
    var toTag: Bytes? { to?.tag }

    /// The URI of From, which lives as long as the message; nil when it is none.
    var fromURI: UnsafePointer<URI>? {
        if let cached = record.pointee.cache.fromURI { return known(cached) }
        record.pointee.cache.fromURI = from.flatMap { parsedURI($0.uri) }
        return known(record.pointee.cache.fromURI)
    }

    /// The URI of To, which lives as long as the message; nil when it is none.
    var toURI: UnsafePointer<URI>? {
        if let cached = record.pointee.cache.toURI { return known(cached) }
        record.pointee.cache.toURI = to.flatMap { parsedURI($0.uri) }
        return known(record.pointee.cache.toURI)
    }

    @inline(__always)
    var contacts: Values<NameAddr> { nameAddrs(.contact) }
    @inline(__always)
    var routes: Values<NameAddr> { nameAddrs(.route) }
    @inline(__always)
    var recordRoutes: Values<NameAddr> { nameAddrs(.recordRoute) }

    /// The values of all lines of a header field that holds addresses: Contact, Route, Record-Route, Path, Service-Route, Refer-To,
    /// P-Asserted-Identity, P-Preferred-Identity, Diversion, Remote-Party-ID, Referred-By, Reply-To, History-Info …
    func nameAddrs(_ id: HeaderID) -> Values<NameAddr> {
        var next = record.pointee.cache.lists
        while let list = next {
            if list.pointee.id == id { return list.pointee.values }
            next = list.pointee.previous
        }
        let values = collect(id) { NameAddr.parse($0, from: &$1) }
        if let raw = arena.pointee.allocate(MemoryLayout<CachedList>.stride) {
            let list = raw.bindMemory(to: CachedList.self, capacity: 1)
            list.initialize(to: CachedList(id: id, values: values, previous: record.pointee.cache.lists))
            record.pointee.cache.lists = list
        }
        return values
    }

    /// Parses the comma-separated values of all lines of a kind into an array in the arena.
    /// - Parameter known: the first value, when it has been read, and where the first line goes on behind it.
    @inline(__always)
    private func collect<Element>(
        _ id: HeaderID, behind known: (value: Element, end: Int)? = nil, _ parse: (Bytes, inout Int) -> Element?
    ) -> Values<Element> {
        let stride = MemoryLayout<Element>.stride
        var count = 0
        var capacity = 0
        var start: UnsafeMutablePointer<Element>?
        var header = first(id)
        var known = known
        while let line = header {
            let text = bytes(line.value)
            var index = 0
            while index < text.count {
                var next: Element?
                if let first = known {
                    next = first.value
                    index = first.end
                    known = nil
                } else if count < Limits.values {
                    next = parse(text, &index)
                }
                guard let value = next else {
                    return Values(start: start, count: count, isMalformed: true)
                }
                if count == capacity {
                    let larger = max(2, capacity &* 4)
                    guard let raw = arena.pointee.allocate(larger &* stride) else {
                        return Values(start: start, count: count, isMalformed: true)
                    }
                    if let old = start { raw.copyMemory(from: old, byteCount: count &* stride) }
                    start = raw.bindMemory(to: Element.self, capacity: larger)
                    capacity = larger
                }
                start.unsafelyUnwrapped.advanced(by: count).initialize(to: value)
                count &+= 1
            }
            header = next(after: line)
        }
        return Values(start: start, count: count, isMalformed: false)
    }

    /// A URI parsed in the arena, an empty one when the text is none, so that it is not parsed again; nil when memory is out.
    func parsedURI(_ text: Bytes) -> UnsafeMutablePointer<URI>? {
        guard let raw = arena.pointee.allocate(MemoryLayout<URI>.stride) else { return nil }
        let place = raw.bindMemory(to: URI.self, capacity: 1)
        // Plain data: it need not be initialised before it is written.
        if !place.pointee.read(text) { place.pointee = URI() }
        return place
    }

    /// What a cached URI stands for: nil when the text was none.
    @inline(__always)
    func known(_ place: UnsafeMutablePointer<URI>?) -> UnsafePointer<URI>? {
        guard let place, !place.pointee.text.isEmpty else { return nil }
        return UnsafePointer(place)
    }

    /// Puts a parsed value into the arena; nil when memory is out.
    @inline(__always)
    func store<Value>(_ value: Value) -> UnsafeMutablePointer<Value>? {
        guard let raw = arena.pointee.allocate(MemoryLayout<Value>.stride) else { return nil }
        let place = raw.bindMemory(to: Value.self, capacity: 1)
        place.initialize(to: value)
        return place
    }
}
