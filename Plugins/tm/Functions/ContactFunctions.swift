import PluginKit

// Invariants: the list of a message without a transaction is the message's, and ends with it; newTransaction copies it.

/// t_load_contacts and its like: the contacts of a user one after the other.
func declareContactFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE
    host.function(
        "t_load_contacts", "mode:int?", routes: routes,
        doc:
            "Takes the destination set away to be tried in turn: 0 by q, equal ones at once; 1 by chance, q as weight.",
        user: state, call: loadContacts)
    host.function(
        "t_next_contacts", routes: routes,
        doc: "Makes the next contacts of t_load_contacts the destination set: 1; -2 when none is left.", user: state,
        call: nextContacts)
    host.function(
        "t_next_contact_flow", routes: APUS_FAILURE_ROUTE | APUS_BRANCH_FAILURE_ROUTE,
        doc: "Adds another flow to the device whose branch has failed (RFC 5626): 1; -2 when none is left.",
        user: state, call: nextContactFlow)
}

/// What t_next_contacts and t_next_contact_flow answer when they have nothing.
private let noneLeft: CInt = -2

extension Call {
    /// Where the list of the call's message or transaction stands; nil when memory is out.
    fileprivate var contacts: UnsafeMutablePointer<ContactListRef?>? {
        if let transaction { return transaction.pointer(to: \.contacts) }
        return state.makeContext(of: pointee.msg)?.pointer(to: \.contacts)
    }
}

/// `t_load_contacts([mode])`
private func loadContacts(_ call: Call) -> CInt {
    let mode = call.has(0) ? call.int(0) : 0
    guard 0...1 ~= mode else { return call.fail("the mode is 0 or 1") }
    guard call.message.isRequest, let home = call.home, let place = call.contacts else { return .false }
    let message = call.pointee.msg
    let branches = call.host.pointee.branches
    guard branches.pointee.is_new(message) > 0 || branches.pointee.count(message) > 0 else {
        return call.fail("the destination set is empty")
    }
    let isTransactions = call.transaction != nil
    let made = ContactListRef.make(call) { size in
        isTransactions
            ? call.host.pointee.memory.pointee.allocate(call.host, size)
            : call.host.pointee.message.pointee.allocate(message, size)
    }
    guard let made else { return call.fail("there are too many contacts, or no memory") }
    if mode == 0 { made.orderByPreference() } else { made.orderByChance(home) }
    made.setFlowsApart()
    if isTransactions { home.release(place.pointee) }
    place.pointee = made
    branches.pointee.clear(message)
    return .true
}

/// `t_next_contacts()`
private func nextContacts(_ call: Call) -> CInt {
    guard call.message.isRequest, let place = call.contacts else { return .false }
    guard let list = place.pointee else { return noneLeft }
    let contacts = list.contacts
    let count = Int(list.pointee.count)
    guard let first = (0..<count).first(where: { !contacts[$0].isTaken && !contacts[$0].isFlow }) else {
        return noneLeft
    }
    let group = contacts[first].group
    let branches = call.host.pointee.branches
    let message = call.pointee.msg
    var next = first
    while next < count, contacts[next].group == group {
        defer { next += 1 }
        guard !contacts[next].isTaken, !contacts[next].isFlow else { continue }
        contacts[next].isTaken = true
        var branch = list.branch(next)
        let isAdded =
            next == first
            ? branches.pointee.set_current(message, &branch) > 0 : branches.pointee.append(message, &branch) > 0
        guard isAdded else { return call.fail("a contact cannot be added to the destination set") }
    }
    return .true
}

/// `t_next_contact_flow()`
private func nextContactFlow(_ call: Call) -> CInt {
    guard let context = call.state.context(of: call.pointee.msg), let transaction = context.pointee.transaction,
        context.pointee.failureBranch >= 0,
        let failed = transaction.branch(UInt32(context.pointee.failureBranch))
    else { return call.fail("no branch has failed here") }
    let instance = failed.pointee.instance.text
    guard let list = transaction.pointee.contacts, !instance.isEmpty else { return noneLeft }
    let contacts = list.contacts
    for index in 0..<Int(list.pointee.count) {
        guard contacts[index].isFlow, !contacts[index].isTaken, list.text(contacts[index].instance).equals(instance)
        else { continue }
        contacts[index].isTaken = true
        var branch = list.branch(index)
        guard call.host.pointee.branches.pointee.append(call.pointee.msg, &branch) > 0 else {
            return call.fail("a flow cannot be added to the destination set")
        }
        return .true
    }
    return noneLeft
}
