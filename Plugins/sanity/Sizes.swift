import PluginKit

extension Message {
    /// A part of the message is larger than it may be.
    func exceeds(_ sizes: Settings.Sizes) -> Bool {
        if isLarger(api.pointee.bytes(handle), sizes.message) || isLarger(field(APUS_FIELD_METHOD_TEXT), sizes.method) {
            return true
        }
        if isRequest, isLarger(field(APUS_FIELD_REQUEST_URI), sizes.requestURI) { return true }
        if isLarger(field(APUS_FIELD_FROM_URI), sizes.fromURI) || isLarger(field(APUS_FIELD_TO_URI), sizes.toURI) {
            return true
        }
        if hasLarger("Contact", sizes.contactURI) || hasLarger("Route", sizes.routeURI)
            || hasLarger("Record-Route", sizes.routeURI) || hasLarger("Path", sizes.pathURI)
            || hasLarger("P-Asserted-Identity", sizes.identityURI)
        {
            return true
        }
        return hasLargerHeader(sizes.header) || isLarger(part(APUS_PART_HEADERS), sizes.headers)
            || isLarger(part(APUS_PART_BODY), sizes.body)
    }

    private func isLarger(_ text: apus_str, _ limit: Int64) -> Bool { limit > 0 && text.len > Int(limit) }

    /// A header of that name has an address whose URI is larger, or something that is no address.
    private func hasLarger(_ name: apus_str, _ limit: Int64) -> Bool {
        limit > 0
            && !eachAddress(name) { address in
                guard let address else { return false }
                return address.uri.len <= Int(limit)
            }
    }

    private func hasLargerHeader(_ limit: Int64) -> Bool {
        guard limit > 0 else { return false }
        var index = 0
        while let header = header(at: index) {
            if Int64(header.length) > limit { return true }
            index += 1
        }
        return false
    }
}
