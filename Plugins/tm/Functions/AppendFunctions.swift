import PluginKit

// Invariants: an Added is a function's value where it is made, and on the transaction's worker a copy of the host's; its texts live as long.

/// Destinations on their way to a transaction that may live on another worker.
private struct Added {
    /// As many as one set of branches has at most, the Request-URI's own included.
    static let most = 12

    let state: UnsafeMutablePointer<State>
    let index: UInt32
    let label: UInt32
    var count: UInt32 = 0
    var branches: [12 of apus_branch] = InlineArray(repeating: apus_branch())

    /// How long a script waits for another worker, in milliseconds.
    private static let limit: UInt32 = 10_000

    mutating func append(_ branch: apus_branch) {
        guard count < UInt32(Added.most) else { return }
        branches[Int(count)] = branch
        count += 1
    }

    /// Gives them to the transaction.
    /// - Returns: the function's result, or APUS_SUSPENDED.
    mutating func go(_ call: Call) -> CInt {
        var texts: [72 of UInt32] = InlineArray(repeating: 0)
        var textCount = 0
        let start = MemoryLayout<Added>.offset(of: \.branches).unsafelyUnwrapped
        for branch in 0..<Int(count) {
            let place = start + branch * MemoryLayout<apus_branch>.stride
            let members = Added.members
            for index in members.indices {
                texts[textCount] = UInt32(place + members[index])
                textCount += 1
            }
        }
        let worker = Place.worker(ofPublicIndex: index)
        return withUnsafeMutableBytes(of: &texts) { texts in
            withUnsafeMutablePointer(to: &self) { added in
                var errand = apus_errand(
                    size: UInt32(MemoryLayout<apus_errand>.size), worker: worker, data: added,
                    count: MemoryLayout<Added>.size, texts: texts.baseAddress?.assumingMemoryBound(to: UInt32.self),
                    text_count: UInt32(textCount), reserved: 0, run: Added.arrived)
                return call.host.pointee.worker.pointee.ask(call, &errand, Added.limit)
            }
        }
    }

    /// Where the texts of a branch stand.
    private static var members: [6 of Int] {
        [
            MemoryLayout<apus_branch>.offset(of: \.uri).unsafelyUnwrapped,
            MemoryLayout<apus_branch>.offset(of: \.destination).unsafelyUnwrapped,
            MemoryLayout<apus_branch>.offset(of: \.path).unsafelyUnwrapped,
            MemoryLayout<apus_branch>.offset(of: \.instance).unsafelyUnwrapped,
            MemoryLayout<apus_branch>.offset(of: \.ruid).unsafelyUnwrapped,
            MemoryLayout<apus_branch>.offset(of: \.user_agent).unsafelyUnwrapped,
        ]
    }

    private static let arrived: @convention(c) (Host, UnsafeMutableRawPointer) -> CInt = { _, data in
        let added = data.assumingMemoryBound(to: Added.self)
        guard
            let transaction = added.pointee.state.transaction(
                index: added.pointee.index, label: added.pointee.label)
        else { return .false }
        return withUnsafeMutableBytes(of: &added.pointee.branches) { branches in
            guard let first = branches.baseAddress?.assumingMemoryBound(to: apus_branch.self) else { return .false }
            return transaction.append(first, count: added.pointee.count) ? .true : .false
        }
    }
}

/// What scripts call to fork a request that is out already.
func declareAppending(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.function(
        "t_cell_append_branches", "index:int, label:int", routes: APUS_EDITING_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "Sends the request of another transaction to the branches of this one, which then has none.", user: state
    ) { call in
        guard let index = UInt32(exactly: call.int(0)), let label = UInt32(exactly: call.int(1)) else { return .false }
        var added = Added(state: call.state, index: index, label: label)
        let branches = call.host.pointee.branches
        for place in 0..<branches.pointee.count(call.pointee.msg) {
            var branch = apus_branch()
            branch.size = UInt32(MemoryLayout<apus_branch>.size)
            if branches.pointee.get(call.pointee.msg, place, &branch) > 0 { added.append(branch) }
        }
        guard added.count > 0 else { return call.fail("there are no branches: append_branch() makes them") }
        branches.pointee.clear(call.pointee.msg)
        return added.go(call)
    }
}
