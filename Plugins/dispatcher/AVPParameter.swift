import PluginKit

// Invariants: compiled in `start`, for ever.

/// An AVP that a parameter names: its values are a list, the newest in front.
struct AVPParameter {
    /// `$avp(x)`, and `$(avp(x)[*])`.
    private let first: OpaquePointer
    private let all: OpaquePointer

    /// Nil with the reason in the log.
    init?(_ host: Host, _ parameter: StaticString, _ text: apus_str) {
        let name = text.string
        let isAVP = name.hasPrefix("$avp(") && name.hasSuffix(")")
        guard isAVP, let first = host.pointee.vars.pointee.compile(host, text) else {
            host.log(.error, "\(parameter) is an AVP, as $avp(dst), not `\(name)`")
            return nil
        }
        // What is compiled keeps nothing of the text.
        var whole = "$(\(name.dropFirst())[*])"
        let all = whole.withUTF8 {
            host.pointee.vars.pointee.compile(host, apus_str(start: $0.baseAddress, count: $0.count))
        }
        guard let all else { return nil }
        self.first = first
        self.all = all
    }

    /// The value in front; nil when there is none.
    func value(_ call: Call) -> apus_value? {
        var value = apus_value()
        return call.host.pointee.vars.pointee.get(call, first, &value) > 0 ? value : nil
    }

    /// In front of the others.
    @discardableResult
    func push(_ call: Call, _ value: apus_value) -> Bool {
        var value = value
        return call.host.pointee.vars.pointee.set(call, first, &value) > 0
    }

    /// Takes the value in front away.
    func pop(_ call: Call) {
        var none = apus_value()
        _ = call.host.pointee.vars.pointee.set(call, first, &none)
    }

    func clear(_ call: Call) {
        var none = apus_value()
        _ = call.host.pointee.vars.pointee.set(call, all, &none)
    }
}
