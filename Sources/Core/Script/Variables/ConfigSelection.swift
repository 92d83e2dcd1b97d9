import PluginAPI

// Invariants: a selection lies in the arena of its run; names of groups live as long as the program. A worker's table of instances belongs to it and
// is freed when it gets the next one, between two messages: scripts take values out of it, never places in it.

/// What `cfg_select("group", n)` has chosen: `@cfg_get.group…` gives the values of that instance for the rest of the run.
struct ConfigSelection {
    let group: apus_str
    /// Nil: the group's own values, after `cfg_reset`.
    var instance: Int64?
    let previous: UnsafeMutablePointer<ConfigSelection>?
}

/// Which instances groups have, `group[n]`, and the values that they have of their own, as one worker goes by them.
struct ConfigInstances {
    struct Instance {
        /// The group's number.
        let group: UInt32
        let id: Int64
    }

    struct Value {
        /// The parameter's number in the workers' tables.
        let number: UInt32
        let id: Int64
        /// Its text lives for ever.
        let value: apus_value
    }

    private let instances: UnsafeMutableBufferPointer<Instance>
    private let values: UnsafeMutableBufferPointer<Value>

    /// In memory of its own, until `free`.
    init(_ instances: [Instance], _ values: [Value]) {
        self.instances = ConfigInstances.copy(instances.sorted { ($0.group, $0.id) < ($1.group, $1.id) })
        self.values = ConfigInstances.copy(values.sorted { ($0.number, $0.id) < ($1.number, $1.id) })
    }

    private static func copy<Element>(_ array: [Element]) -> UnsafeMutableBufferPointer<Element> {
        let copy = UnsafeMutableBufferPointer<Element>.allocate(capacity: array.count)
        _ = copy.initialize(from: array)
        return copy
    }

    func free() {
        instances.deallocate()
        values.deallocate()
    }

    func contains(_ group: UInt32, _ id: Int64) -> Bool {
        ConfigInstances.find(group, id, instances.count) { (instances[$0].group, instances[$0].id) } != nil
    }

    /// What the instance has of its own.
    func value(_ number: UInt32, _ id: Int64) -> apus_value? {
        ConfigInstances.find(number, id, values.count) { (values[$0].number, values[$0].id) }.map { values[$0].value }
    }

    @inline(__always)
    private static func find(_ number: UInt32, _ id: Int64, _ count: Int, _ key: (Int) -> (UInt32, Int64)) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            let (its, other) = key(middle)
            if its == number, other == id { return middle }
            if its < number || its == number && other < id { low = middle + 1 } else { high = middle }
        }
        return nil
    }
}

extension UnsafeMutablePointer<Run> {
    /// Nil: the group's own values.
    func selectedInstance(of group: Bytes) -> Int64? {
        var selection = pointee.selections
        while let this = selection {
            if this.pointee.group.bytes == group { return this.pointee.instance }
            selection = this.pointee.previous
        }
        return nil
    }

    /// False when memory is out.
    func select(_ instance: Int64?, of group: apus_str) -> Bool {
        var selection = pointee.selections
        while let this = selection {
            if this.pointee.group.bytes == group.bytes {
                this.pointee.instance = instance
                return true
            }
            selection = this.pointee.previous
        }
        guard instance != nil else { return true }
        guard let place = allocate(MemoryLayout<ConfigSelection>.stride) else { return false }
        let new = place.bindMemory(to: ConfigSelection.self, capacity: 1)
        new.initialize(to: ConfigSelection(group: group, instance: instance, previous: pointee.selections))
        pointee.selections = new
        return true
    }

    /// Puts what a select of a parameter gives now into the place.
    func give(_ select: UnsafePointer<CompiledSelect>, _ out: UnsafeMutablePointer<apus_value>) -> Bool {
        let number = UInt32(select.pointee.index)
        if pointee.selections != nil, var id = selectedInstance(of: select.pointee.key.bytes) {
            return ScriptEnvironment.current.parameter(number, &id, out)
        }
        return ScriptEnvironment.current.parameter(number, nil, out)
    }
}
