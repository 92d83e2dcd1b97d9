import PluginKit

// Invariants: a handle of a value is valid until the value is removed, or the list that it is in is set or removed (apus/xavp.h).

/// A value of `$xavp`, `$xavu` or `$xavi`: `apus_xavp` of the contract.
public typealias XAVP = OpaquePointer

/// The values of one kind that a call's script sees, or the fields of one of them: apus/xavp.h with comfort.
public struct XAVPs {
    /// Whose script sees them.
    public let call: Call
    /// `APUS_XAVP`, `APUS_XAVU`, `APUS_XAVI`.
    let kind: UInt32
    let list: XAVP?

    var api: UnsafePointer<apus_xavp_api> { call.host.pointee.xavp }

    init(_ call: Call, kind: UInt32, list: XAVP?) {
        self.call = call
        self.kind = kind
        self.list = list
    }

    /// Of whatever name.
    public var first: XAVP? { api.pointee.first(call, kind, list) }
    public func next(_ value: XAVP) -> XAVP? { api.pointee.next(value) }

    /// - Parameter index: so many of that name before it; negative: from the end, -1 the last.
    public func find(_ name: apus_str, _ index: Int64 = 0) -> XAVP? { api.pointee.find(call, kind, list, name, index) }

    public func facts(_ value: XAVP) -> apus_xavp_facts {
        var facts = apus_xavp_facts()
        facts.size = UInt32(MemoryLayout<apus_xavp_facts>.size)
        api.pointee.facts(value, &facts)
        return facts
    }

    /// In front of the others; without a value a list without fields.
    public func add(_ name: apus_str, _ value: apus_value? = nil) -> XAVP? {
        guard var value else { return api.pointee.add(call, kind, list, name, nil) }
        return api.pointee.add(call, kind, list, name, &value)
    }

    public func set(_ xavp: XAVP, _ value: apus_value? = nil) -> Bool {
        guard var value else { return api.pointee.set(call, xavp, nil) > 0 }
        return api.pointee.set(call, xavp, &value) > 0
    }

    /// Behind another value, nil: in front of all.
    public func move(_ value: XAVP, behind other: XAVP?) { api.pointee.move(call, kind, list, value, other) }

    public func remove(_ value: XAVP) { api.pointee.remove(call, kind, list, value) }

    /// Removes all of that name.
    public func removeAll(_ name: apus_str) {
        while let value = find(name) { remove(value) }
    }

    /// The fields of a value; nil when it is no list.
    public func fields(of value: XAVP) -> XAVPs? {
        facts(value).is_list == 0 ? nil : XAVPs(call, kind: kind, list: value)
    }

    /// The first value of that name; nil when there is none, or it is a list.
    public func value(_ name: apus_str) -> apus_value? {
        guard let found = find(name).map({ facts($0) }), found.is_list == 0 else { return nil }
        return found.value
    }
}

extension UnsafePointer<apus_call> {
    /// The values at the top.
    /// - Parameter kind: `APUS_XAVP`, `APUS_XAVU` or `APUS_XAVI`.
    public func xavps(_ kind: Int = APUS_XAVP) -> XAVPs { XAVPs(self, kind: UInt32(kind), list: nil) }
}
