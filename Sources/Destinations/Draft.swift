import PluginKit

/// A destination as its source has it.
package struct Draft: Equatable, Sendable {
    package var set: Int32
    package var uri: String
    package var flags: Condition
    package var priority: Int32
    package var attributes: Attributes

    package init(
        set: Int32, uri: String, flags: Condition = [], priority: Int32 = 0, attributes: Attributes = Attributes()
    ) {
        self.set = set
        self.uri = uri
        self.flags = flags
        self.priority = priority
        self.attributes = attributes
    }

    /// As a line of a list.
    package var line: String {
        var text = "\(set) \(uri)"
        if flags != [] || priority != 0 || !attributes.text.isEmpty { text += " \(flags.rawValue)" }
        if priority != 0 || !attributes.text.isEmpty { text += " \(priority)" }
        if !attributes.text.isEmpty { text += " \(attributes.text)" }
        return text
    }
}

/// What of a draft the server has found out: its place and how to send there.
package struct Prepared: @unchecked Sendable {
    package var draft: Draft
    package var host: String
    /// As the URI says, or the usual one.
    package var port: UInt16
    /// `APUS_UDP` …; 0: the URI does not say.
    package var transport: UInt32 = 0
    /// When the host is an address; family 0: it is a name.
    package var address = apus_address()
    /// What the name has been found to be, before anybody selects it; nil: nobody has asked.
    package var found: FoundName?
    /// By which requests leave, and probes; nil: chosen by destination.
    package var listener: OpaquePointer?
    package var pingListener: OpaquePointer?

    package init(_ draft: Draft, host: String, port: UInt16) {
        self.draft = draft
        self.host = host
        self.port = port
    }
}
