import PluginKit

// Invariants: written on the main thread before the workers start, constant from then on.

/// What the module keeps: the `user` of every function and variable that it declares.
struct State {
    /// tm's interface, for ever; set in `start`.
    var tm: UnsafePointer<tm_api>?
    /// Parameter: 0 makes t_precheck_trans false for everything.
    var precheck: Int64 = 1
}

typealias Transaction = OpaquePointer

extension UnsafePointer<apus_call> {
    @inline(__always)
    var state: UnsafeMutablePointer<State> { pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self) }
    @inline(__always)
    var tm: UnsafePointer<tm_api> { state.pointee.tm.unsafelyUnwrapped }
    /// The transaction of the call's message; nil when it has none.
    @inline(__always)
    var transaction: Transaction? { tm.pointee.t_gett(pointee.msg) }
}

extension UnsafePointer<tm_api> {
    /// What tm knows about a message; empty when it knows nothing.
    @inline(__always)
    func context(of message: OpaquePointer) -> tm_context {
        var context = tm_context()
        context.size = UInt32(MemoryLayout<tm_context>.size)
        _ = pointee.context(message, &context)
        return context
    }

    @inline(__always)
    func facts(of transaction: Transaction) -> tm_facts {
        var facts = tm_facts()
        facts.size = UInt32(MemoryLayout<tm_facts>.size)
        pointee.facts(transaction, &facts)
        return facts
    }

    /// Nil when there is no branch of that index.
    @inline(__always)
    func branch(_ index: Int32, of transaction: Transaction?) -> tm_branch? {
        guard let transaction, index >= 0 else { return nil }
        var branch = tm_branch()
        branch.size = UInt32(MemoryLayout<tm_branch>.size)
        return pointee.branch(transaction, UInt32(index), &branch) > 0 ? branch : nil
    }
}

extension tm_context {
    /// The branch that the route is about: of the reply, or that failed; -1: none.
    @inline(__always)
    var subject: Int32 { branch >= 0 ? branch : failure_branch }
}
