import PluginAPI

// Invariants: a selection lies in the arena of its run. Names of groups and tables of instances live as long as the program.

/// What `cfg_select("group", n)` has chosen: `@cfg_get.group…` gives the values of that instance for the rest of the run.
struct ConfigSelection {
    let group: apus_str
    /// Nil: the group's own values, after `cfg_reset`.
    var instance: Int64?
    let previous: UnsafeMutablePointer<ConfigSelection>?
}

/// The instances of a group, or those that have one of its parameters: `group[n].name = …`.
struct ConfigInstances {
    struct Instance {
        let id: Int64
        /// The parameter's number in the workers' tables.
        let number: UInt32
    }

    let start: UnsafePointer<Instance>
    let count: Int

    subscript(id: Int64) -> Instance? {
        for index in 0..<count where start[index].id == id { return start[index] }
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

    /// The number of the parameter whose value a select gives now.
    func parameter(_ select: UnsafePointer<CompiledSelect>) -> UInt32 {
        if pointee.selections != nil, let instances = select.pointee.instances,
            let id = selectedInstance(of: select.pointee.key.bytes), let instance = instances[id]
        {
            return instance.number
        }
        return UInt32(select.pointee.index)
    }
}
