import PluginKit
import Registration
import RoutingKit

// Invariants: a Plan lies in memory of the run, which lasts until the reply is out; its texts are pieces of the message or lie there, too.

/// Bits of save()'s flags.
struct SaveFlags: OptionSet {
    let rawValue: Int64

    static var memoryOnly: SaveFlags { SaveFlags(rawValue: 1) }
    static var noReply: SaveFlags { SaveFlags(rawValue: 2) }
    static var oneContact: SaveFlags { SaveFlags(rawValue: 4) }
    static var exactExpires: SaveFlags { SaveFlags(rawValue: 8) }
    /// With `noReply`: the reply of somebody else has the headers.
    static var prepareHeaders: SaveFlags { SaveFlags(rawValue: 16) }
}

/// What one REGISTER wants, and what its reply has to say.
struct Plan {
    let table: OpaquePointer
    let flags: SaveFlags
    /// Address of record, and its key in the table.
    var uri = apus_uri()
    var key = apus_str()
    var callID = apus_str()
    var cseq: UInt32 = 0
    var edits: UnsafeMutablePointer<usrloc_edit>?
    var count = 0
    /// `Contact: *`
    var deletesAll = false
    var maxContacts: UInt32 = 0
    /// Path values with commas between them.
    var path = apus_str()
    /// From a parameter of the first Path.
    var pathReceived = apus_str()
    var repliesPath = false
    /// RFC 5626 is followed for this request.
    var usesRegID = false
    var isOutbound = false
    /// The phone understands GRUUs.
    var wantsGRUU = false

    init(table: OpaquePointer, flags: SaveFlags) { (self.table, self.flags) = (table, flags) }
}

extension Plan {
    /// Reads the request, or the reply to one that another registrar has accepted.
    /// - Parameter uri: instead of that of To; nil: none.
    mutating func read(_ call: Call, uri given: apus_str?) throws(RegistrationFault) {
        let message = call.message
        let text = given ?? message.field(APUS_FIELD_TO_URI)
        guard !text.isNull else { throw .noTo }
        guard let uri = message.parse(uri: text) else { throw .addressOfRecord }
        self.uri = uri
        var fault: RegistrationFault?
        guard let key = call.key(uri, &fault) else { throw fault ?? .writing }
        self.key = key
        callID = message.field(APUS_FIELD_CALL_ID)
        guard !callID.isEmpty else { throw .noCallID }
        guard callID.len <= Int(USRLOC_LONGEST_CALL_ID) else { throw .callIDTooLong }
        guard let number = message.field(APUS_FIELD_CSEQ_NUMBER).number, let cseq = UInt32(exactly: number) else {
            throw .noCSeq
        }
        self.cseq = cseq
        let settings = call.home.pointee.settings
        wantsGRUU = settings.hasGRUU != 0 && message.has(option: "gruu", in: "Supported")
        maxContacts = UInt32(truncatingIfNeeded: settings.maxContacts)
        if let most = call.config?.number("max_contacts") { maxContacts = UInt32(clamping: most) }
        try readPath(call, settings)
        try readOutbound(message, settings)
        try readContacts(call, settings)
        if isOutbound { try checkFirstHop(message) }
    }

    /// RFC 5626 section 6: who asks for it, and whether it is to be had.
    private mutating func readOutbound(_ message: Message, _ settings: Settings) throws(RegistrationFault) {
        let isRequired = message.has(option: "outbound", in: "Require")
        if settings.outboundMode == 0 {
            if isRequired { throw .outboundUnsupported }
        } else {
            usesRegID = isRequired || message.has(option: "outbound", in: "Supported")
            if settings.outboundMode == 2, !usesRegID { throw .outboundRequired }
        }
    }

    /// Who is not the first hop can only trust an edge proxy that says it supports outbound: the last value of Path is its own.
    private func checkFirstHop(_ message: Message) throws(RegistrationFault) {
        guard message.api.pointee.via_count(message.handle) > 1 else { return }
        var last = apus_str()
        message.eachValue("Path") {
            last = $0
            return true
        }
        guard let value = message.parse(nameAddr: last), let uri = message.parse(uri: value.uri),
            message.parameter("ob", in: uri.params) != nil
        else { throw .firstHopLacksOutbound }
    }

    /// The change that this is in the table.
    var change: usrloc_change {
        var flags: UInt32 = 0
        if self.flags.contains(.memoryOnly) { flags |= UInt32(USRLOC_MEMORY_ONLY) }
        if self.flags.contains(.oneContact) { flags |= UInt32(USRLOC_ONLY_THESE) }
        if deletesAll { flags = UInt32(USRLOC_ALL) }
        var change = usrloc_change()
        change.size = UInt32(MemoryLayout<usrloc_change>.size)
        change.flags = flags
        change.aor = key
        change.edits = UnsafePointer(edits)
        change.count = UInt32(count)
        change.max_contacts = maxContacts
        change.call_id = callID
        change.cseq = cseq
        return change
    }
}

extension UnsafePointer<apus_call> {
    /// The key of an address of record, in memory of the run; nil, with the reason if it is not that memory, when there is none.
    func key(_ uri: apus_uri, _ fault: inout RegistrationFault?) -> apus_str? {
        guard var writer = writer(AddressOfRecordRules.longest + 1) else { return nil }
        let settings = home.pointee.settings
        var rules = AddressOfRecordRules()
        rules.hasDomain = state.pointee.location.use_domain != 0
        rules.isCaseSensitive = settings.isCaseSensitive != 0
        rules.realmPrefix = settings.realmPrefix
        fault = rules.write(uri, to: &writer)
        return fault == nil ? writer.text : nil
    }
}
