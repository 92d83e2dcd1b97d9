import PluginKit

extension Message {
    /// The headers of that name in their order, while `visit` is true. Whether it was for all.
    @discardableResult
    public func eachHeader(_ name: apus_str, _ visit: (apus_header) -> Bool) -> Bool {
        var place = 0
        while let header = find(name, from: place) {
            guard visit(header) else { return false }
            place = Int(header.index) + 1
        }
        return true
    }

    /// Removes all headers of that name. False when an earlier edit was in the way of one; the others are removed all the same.
    @discardableResult
    public func removeAll(_ name: apus_str) -> Bool {
        var isWhole = true
        eachHeader(name) { header in
            if !withUnsafePointer(to: header, { remove($0) }) { isWhole = false }
            return true
        }
        return isWhole
    }

    /// The values of all headers of that name, which are lists, in their order, while `visit` is true; empty ones are none. Whether it was for all.
    @discardableResult
    public func eachValue(_ name: apus_str, _ visit: (apus_str) -> Bool) -> Bool {
        eachHeader(name) { header in
            var rest = header.value
            while let value = rest.nextElement() {
                if !value.isEmpty, !visit(value) { return false }
            }
            return true
        }
    }

    /// Whether a header of that name lists the option tag (RFC 3261 section 19.2).
    public func has(option: apus_str, in name: apus_str) -> Bool {
        !eachValue(name) { !$0.equalsIgnoringCase(option) }
    }
}
