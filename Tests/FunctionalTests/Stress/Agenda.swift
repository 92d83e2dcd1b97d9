/// What is to happen when: a binary heap, the soonest first; of one moment, in the order of entry.
struct Agenda<Event> {
    private struct Entry {
        let time: UInt64
        let number: UInt64
        let event: Event

        func isBefore(_ other: Entry) -> Bool { (time, number) < (other.time, other.number) }
    }

    private var heap: [Entry] = []
    private var number: UInt64 = 0

    /// The time of the soonest.
    var soonest: UInt64? { heap.first?.time }

    mutating func add(_ event: Event, at time: UInt64) {
        number += 1
        heap.append(Entry(time: time, number: number, event: event))
        var child = heap.count - 1
        while child > 0, heap[child].isBefore(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes the soonest when its time has come.
    mutating func take(at now: UInt64) -> Event? {
        guard let first = heap.first, first.time <= now else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isBefore(heap[least])
            {
                least = child
            }
            if least == parent { return first.event }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
