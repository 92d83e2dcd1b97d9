import PluginKit

extension TextDoor {
    /// Where a door is, and who may come in. Texts live for ever.
    public struct Place {
        let kind: UInt32
        let place: apus_str
        public var port: UInt16 = 0
        /// Of a file; 0: 0600, or 0660 with a group.
        public var mode: UInt32 = 0
        public var user: apus_str = ""
        public var group: apus_str = ""
        /// Addresses other than loopback are allowed.
        public var isPublic = false
        /// For a request to become whole and a reply to be taken.
        public var milliseconds: UInt32 = 2000

        /// - Parameters:
        ///   - kind: `APUS_DOOR_…`
        ///   - place: a path or an address.
        public init(kind: Int, _ place: apus_str) {
            self.kind = UInt32(kind)
            self.place = place
        }
    }
}

extension UnsafePointer<apus_host> {
    /// A parameter for a user or a group: a name or a number.
    public func userParameter(
        _ name: StaticString, into place: UnsafeMutablePointer<apus_str>, doc: StaticString
    ) {
        parameter(name, kind: APUS_PARAM_EITHER, flags: 0, user: place, doc: doc) { _, value, place in
            guard let place = place?.assumingMemoryBound(to: apus_str.self) else { return .false }
            guard value.pointee.isInt else {
                place.pointee = value.pointee.str
                return .true
            }
            let digits = Array(String(value.pointee.num).utf8)
            let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: digits.count)
            memory.initialize(from: digits, count: digits.count)
            place.pointee = apus_str(start: memory, count: digits.count)
            return .true
        }
    }
}
