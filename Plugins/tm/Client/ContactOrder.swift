import PluginKit
import RoutingKit

// Invariants: the places of an order lie in temporary memory of the call that makes it; an index is the destination's place in the
// message's set, the Request-URI first when it is new.

/// The destination set of a message in the order in which its contacts are to be tried.
struct ContactOrder {
    /// Contacts that one set has at most: the Request-URI and all branches that a message can have.
    static let most = 64

    struct Place {
        var index: UInt32
        var q: Int32
        var hasPath: Bool
        /// The last of those that are tried at the same time.
        var endsGroup = false
    }

    let message: OpaquePointer
    let branches: UnsafePointer<apus_branches_api>
    /// 1 when the Request-URI belongs to the set.
    private let first: UInt32
    let count: Int

    init(_ call: Call) {
        message = call.pointee.msg
        branches = call.host.pointee.branches
        first = branches.pointee.is_new(message) > 0 ? 1 : 0
        count = Int(branches.pointee.count(message) + first)
    }

    func branch(_ index: UInt32) -> apus_branch {
        var branch = apus_branch()
        branch.size = UInt32(MemoryLayout<apus_branch>.size)
        if index < first {
            branches.pointee.current(message, &branch)
        } else {
            _ = branches.pointee.get(message, index - first, &branch)
        }
        return branch
    }

    /// All of them as they stand in the set. Precondition: there is room for `count`.
    func fill(_ places: UnsafeMutableBufferPointer<Place>) {
        for index in 0..<count {
            let branch = branch(UInt32(index))
            places[index] = Place(index: UInt32(index), q: branch.q, hasPath: branch.path.len > 0)
        }
    }

    /// Higher q first, those of one q at the same time; of these the ones without Path in front, and later ones before earlier ones.
    static func byPreference(_ places: UnsafeMutableBufferPointer<Place>) {
        for index in places.indices {
            let one = places[index]
            var place = index
            while place > 0, one.q > places[place - 1].q || (one.q == places[place - 1].q && !one.hasPath) {
                places[place] = places[place - 1]
                place -= 1
            }
            places[place] = one
        }
        for index in places.indices {
            places[index].endsGroup = index + 1 == places.count || places[index + 1].q < places[index].q
        }
    }

    /// One after the other by chance, the likelier in front the higher their q; those without one, or with 0, at the end.
    static func byChance(_ places: UnsafeMutableBufferPointer<Place>, _ home: UnsafeMutablePointer<Home>) {
        for place in places.indices {
            places[place].endsGroup = true
            var total: UInt64 = 0
            for index in place..<places.count { total += places[index].weight }
            guard total > 0 else { continue }
            var drawn = home.pointee.random.take() % total
            var chosen = place
            while drawn >= places[chosen].weight {
                drawn -= places[chosen].weight
                chosen += 1
            }
            places.swapAt(place, chosen)
            places[place].endsGroup = true
        }
    }
}

extension ContactOrder.Place {
    fileprivate var weight: UInt64 { UInt64(max(0, q)) }
}

/// [start] False when the two parameters name one XAVP, or none.
func settleContacts(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) -> Bool {
    let (contacts, flows) = (settings.pointee.contactsAVP, settings.pointee.contactFlowsAVP)
    guard !contacts.isEmpty, !flows.isEmpty, !contacts.equals(flows) else {
        host.log(
            .error,
            "contacts_avp and contact_flows_avp are the names of two XAVPs, such as tm_contacts and tm_contact_flows")
        return false
    }
    return true
}
