import PluginKit
import RoutingKit

/// t_load_contacts and its like: the contacts of a user one after the other.
func declareContactFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE
    host.function(
        "t_load_contacts", "mode:int?", routes: routes, flags: APUS_SETS_DESTINATION,
        doc:
            "Takes the destination set away to be tried in turn: 0 by q, equal ones at once; 1 by chance, q as weight.",
        user: state, call: loadContacts)
    host.function(
        "t_next_contacts", routes: routes, flags: APUS_SETS_DESTINATION,
        doc: "Makes the next contacts of t_load_contacts the destination set: 1; -2 when none is left.", user: state,
        call: nextContacts)
    host.function(
        "t_next_contact_flow", routes: APUS_FAILURE_ROUTE | APUS_BRANCH_FAILURE_ROUTE,
        flags: APUS_SETS_DESTINATION,
        doc: "Adds another flow to the device whose branch has failed (RFC 5626): 1; -2 when none is left.",
        user: state, call: nextContactFlow)
}

/// What t_next_contacts and t_next_contact_flow answer when they have nothing.
private let noneLeft: CInt = -2

/// `t_load_contacts([mode])`
private func loadContacts(_ call: Call) -> CInt {
    let mode = call.has(0) ? call.int(0) : 0
    guard 0...1 ~= mode else { return call.fail("the mode is 0 or 1") }
    guard call.message.isRequest, let home = call.home else { return .false }
    let order = ContactOrder(call)
    // A single destination stands where it is to be.
    if order.count <= 1 { return .true }
    guard order.count <= ContactOrder.most else { return call.fail("there are too many contacts") }
    let name = home.settings.pointee.contactsAVP
    let isLoaded = withUnsafeTemporaryAllocation(of: ContactOrder.Place.self, capacity: order.count) { places in
        order.fill(places)
        if mode == 0 { ContactOrder.byPreference(places) } else { ContactOrder.byChance(places, home) }
        let values = call.xavps()
        return places.reversed().allSatisfy { place in
            ContactFields.add(
                order.branch(place.index), qFlag: place.endsGroup ? ContactFields.last : 0, to: values, name)
        }
    }
    guard isLoaded else { return call.fail("no memory for contacts") }
    order.branches.pointee.clear(order.message)
    return .true
}

/// `t_next_contacts()`
private func nextContacts(_ call: Call) -> CInt {
    guard call.message.isRequest, let home = call.home else { return .false }
    let settings = home.settings.pointee
    let values = call.xavps()
    guard let first = values.find(settings.contactsAVP) else { return noneLeft }
    guard var branch = values.take(first) else { return call.fail(badContact) }
    let isAlone = branch.endsGroup
    let branches = call.host.pointee.branches
    let message = call.pointee.msg
    guard branches.pointee.set_current(message, &branch.contact) > 0 else { return call.fail(notAdded) }
    if isAlone { return .true }

    values.removeAll(settings.contactFlowsAVP)
    while let next = values.find(settings.contactsAVP) {
        guard var branch = values.take(next) else { return call.fail(badContact) }
        if call.isAsked(branch.contact.instance) {
            guard ContactFields.add(branch.contact, qFlag: nil, to: values, settings.contactFlowsAVP) else {
                return call.fail(notAdded)
            }
        } else if branches.pointee.append(message, &branch.contact) < 0 {
            return call.fail(notAdded)
        }
        if branch.endsGroup { break }
    }
    return .true
}

/// `t_next_contact_flow()`
private func nextContactFlow(_ call: Call) -> CInt {
    guard let context = call.state.context(of: call.pointee.msg), let transaction = context.pointee.transaction,
        context.pointee.failureBranch >= 0,
        let failed = transaction.branch(UInt32(context.pointee.failureBranch)), let home = call.home
    else { return call.fail("no branch has failed here") }
    let instance = failed.pointee.instance.text
    guard !instance.isEmpty else { return noneLeft }
    let name = home.settings.pointee.contactFlowsAVP
    let values = call.xavps()
    var index: Int64 = 0
    while let flow = values.find(name, index) {
        index += 1
        guard let fields = values.fields(of: flow), fields.value("instance")?.str.equals(instance) == true else {
            continue
        }
        guard var branch = values.take(flow) else { return call.fail(badContact) }
        guard call.host.pointee.branches.pointee.append(call.pointee.msg, &branch.contact) > 0 else {
            return call.fail(notAdded)
        }
        return .true
    }
    return noneLeft
}

private var notAdded: apus_str { "a contact cannot be added to the destination set" }
private var badContact: apus_str { "a contact has no URI, or a socket that is none of this server's" }

extension XAVPs {
    /// Takes a contact out; nil when its fields, which scripts can change, name no destination: then it is gone, too.
    fileprivate func take(_ record: XAVP) -> (contact: apus_branch, endsGroup: Bool)? {
        defer { remove(record) }
        guard let fields = fields(of: record), let contact = ContactFields.branch(fields) else { return nil }
        return (contact, ContactFields.endsGroup(fields))
    }
}

extension Call {
    /// Whether a destination of the message's set leads to that device (+sip.instance) already.
    fileprivate func isAsked(_ instance: apus_str) -> Bool {
        guard !instance.isEmpty else { return false }
        let order = ContactOrder(self)
        return (0..<order.count).contains { order.branch(UInt32($0)).instance.equals(instance) }
    }
}
