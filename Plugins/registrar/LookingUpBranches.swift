import PluginKit
import Registration
import RoutingKit

// Invariants: a Tour lies in memory of the run, as do the URIs of its branches, which are not branches any more; each step is called once, perhaps
// after the run has waited.

/// lookup_branches() on its way over the Request-URI and the branches.
private struct Tour {
    let search: UnsafeMutablePointer<Search>
    var uris: UnsafeMutablePointer<apus_str>
    var count: Int
    var next = 0
    /// Of the Request-URI: what the function answers.
    var result: CInt = 0
}

/// `lookup_branches(table)`
func lookupBranches(_ call: Call) -> CInt {
    let message = call.message
    guard message.isRequest, let table = call.table else { return -3 }
    let branches = call.host.pointee.branches.pointee
    let count = Int(branches.count(message.handle))
    guard
        let memory = call.host.pointee.script.pointee.allocate(call, max(1, count) * MemoryLayout<apus_str>.stride)
    else { return -3 }
    let uris = memory.bindMemory(to: apus_str.self, capacity: max(1, count))
    var plain = 0
    var index = 0
    while index < Int(branches.count(message.handle)) {
        guard let branch = apus_branch.filled({ branches.get(message.handle, UInt32(index), $0) }) else { break }
        if branch.isPlain {
            (uris + plain).initialize(to: branch.uri)
            plain += 1
            _ = branches.remove(message.handle, UInt32(index))
        } else {
            index += 1
        }
    }
    guard let search = call.keep(Search(table: table)),
        let tour = call.keep(Tour(search: search, uris: uris, count: plain))
    else { return -3 }
    var isAsked = false
    let code = call.find(
        message.field(APUS_FIELD_REQUEST_URI), tour.pointee.search, user: tour, isAsked: &isAsked,
        then: targetFound)
    if isAsked { return code }
    tour.pointee.result = code
    return call.go(on: tour)
}

/// The contacts of the Request-URI.
private let targetFound: @convention(c) (Call, CInt, UnsafePointer<usrloc_record>?, UnsafeMutableRawPointer?) -> CInt =
    {
        call, status, record, user in
        let tour = user.unsafelyUnwrapped.assumingMemoryBound(to: Tour.self)
        tour.pointee.result = found(call, status, record, tour.pointee.search)
        return call.go(on: tour)
    }

/// The contacts of a branch.
private let branchFound: @convention(c) (Call, CInt, UnsafePointer<usrloc_record>?, UnsafeMutableRawPointer?) -> CInt =
    {
        call, status, record, user in
        let tour = user.unsafelyUnwrapped.assumingMemoryBound(to: Tour.self)
        _ = found(call, status, record, tour.pointee.search)
        return call.go(on: tour)
    }

extension UnsafePointer<apus_call> {
    fileprivate func go(on tour: UnsafeMutablePointer<Tour>) -> CInt {
        while tour.pointee.next < tour.pointee.count {
            let uri = tour.pointee.uris[tour.pointee.next]
            tour.pointee.next += 1
            tour.pointee.search.pointee = Search(table: tour.pointee.search.pointee.table)
            tour.pointee.search.pointee.replacesTarget = false
            var isAsked = false
            let code = find(
                uri, tour.pointee.search, user: tour, isAsked: &isAsked, then: branchFound)
            if isAsked { return code }
        }
        return tour.pointee.result
    }
}

extension apus_branch {
    /// Nothing but a URI: nobody has said how to get there.
    fileprivate var isPlain: Bool { destination.isEmpty && path.isEmpty && send_through == nil && ruid.isEmpty }
}
