import PluginKit

// Invariants: a Context lies in the memory of its message (message->allocate) and ends with it. `transaction` is valid as long as the message's
// run or hook lasts, since that run makes it busy or holds a reference.

/// What tm knows about a message that a route or a callback works on: the message's slot.
struct Context {
    /// Its transaction; nil: it was looked for in vain, or not yet.
    var transaction: TransactionRef?
    /// It was looked for.
    var isChecked = false
    /// Of a reply: its branch. Of a request in a branch route: the one that is made. Else -1.
    var branch: Int32 = -1
    /// Status that a failure route deals with; 408 after a timeout.
    var failureStatus: Int32 = 0
    /// The winning reply in a failure route; nil when it was made here.
    var failureReply: OpaquePointer?
    /// Branch that a failure route or a branch-failure event is about; -1: none.
    var failureBranch: Int32 = -1
    /// What t_on_… and t_set_… said before there was a transaction.
    var presets = Presets()
    /// The transaction was made by this message's run, whose end puts it right.
    var isCreator = false
    /// The transaction was looked up by this message's run, whose end lets it go.
    var holdsReference = false
    /// The relay of this run failed with that code, and nothing was replied yet.
    var relayError: Int32 = 0
}

/// What a script arms before t_relay or t_newtran has made the transaction.
struct Presets {
    var onFailure: OpaquePointer?
    var onReply: OpaquePointer?
    var onBranch: OpaquePointer?
    var onBranchFailure: OpaquePointer?
    /// t_set_fr, t_set_retr, t_set_max_lifetime: milliseconds; 0: unchanged.
    var frInvite: UInt32 = 0
    var fr: UInt32 = 0
    var retr1: UInt32 = 0
    var retr2: UInt32 = 0
    var inviteLifetime: UInt32 = 0
    var nonInviteLifetime: UInt32 = 0
    /// t_set_auto_inv_100, t_set_disable_6xx and the like: the flags that are turned on, and those that are turned at all. Of the others
    /// the parameters decide.
    var flags = Transaction.Flags(rawValue: 0)
    var decided = Transaction.Flags(rawValue: 0)
}

extension UnsafeMutablePointer<State> {
    /// The message's context; nil when it has none yet.
    @inline(__always)
    func context(of message: OpaquePointer) -> UnsafeMutablePointer<Context>? {
        pointee.host.unsafelyUnwrapped.pointee.slots.pointee.message(message, pointee.contextSlot)?
            .assumingMemoryBound(to: Context.self)
    }

    /// The message's context, made when there is none; nil when memory is out.
    @inline(__always)
    func makeContext(of message: OpaquePointer) -> UnsafeMutablePointer<Context>? {
        if let known = context(of: message) { return known }
        let host = pointee.host.unsafelyUnwrapped
        guard let memory = host.pointee.message.pointee.allocate(message, MemoryLayout<Context>.size) else {
            return nil
        }
        let context = memory.bindMemory(to: Context.self, capacity: 1)
        context.initialize(to: Context())
        host.pointee.slots.pointee.set_message(message, pointee.contextSlot, memory)
        return context
    }
}

extension UnsafePointer<apus_call> {
    @inline(__always)
    var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }
    @inline(__always)
    var home: UnsafeMutablePointer<Home>? { state.home }
    /// The transaction of the call's message; nil when there is none (yet).
    @inline(__always)
    var transaction: TransactionRef? { state.context(of: pointee.msg)?.pointee.transaction }
}
