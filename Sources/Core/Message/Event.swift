/// Event and Subscription-State (RFC 6665 §8.2): a token with parameters.
struct Event {
    /// Package with its templates, `presence.winfo`; of Subscription-State the state.
    var name: Bytes
    var params: Bytes

    @inline(__always)
    var parameters: Parameters { Parameters(params) }

    /// Part of what tells subscriptions of one package apart.
    var id: Bytes? { parameters["id"] }

    static func parse(_ text: Bytes) -> Event? {
        let end = text.end(of: .token)
        let params = text.skipSpace(from: end)
        guard end > 0, params == text.count || text[params] == UInt8(ascii: ";"), text.hasClosedQuotes else {
            return nil
        }
        return Event(name: text.prefix(end), params: text.dropFirst(params))
    }
}

extension Message {
    var event: Event? { value(.event).flatMap { Event.parse($0) } }
    var subscriptionState: Event? { value(.subscriptionState).flatMap { Event.parse($0) } }
}
