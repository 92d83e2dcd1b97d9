import PluginKit

/// Names of the columns that a row in ser's form has; an empty one is left out.
struct SERColumns {
    var fromURI = apus_str()
    var toURI = apus_str()
    var method = apus_str()
    var requestURI = apus_str()
    var outboundURI = apus_str()
    var from = apus_str()
    var to = apus_str()
    var callID = apus_str()
    var status = apus_str()
    var user = apus_str()
    var fromTag = apus_str()
    var toTag = apus_str()
    var domain = apus_str()

    static var count: Int { 13 }

    static var parameters: [Parameter<SERColumns>] {
        [
            .text("acc_from_uri_column", \.fromURI, "from_uri", doc: "Column of From's URI, in ser's form."),
            .text("acc_to_uri_column", \.toURI, "to_uri", doc: "The same of To's URI."),
            .text("acc_sip_method_column", \.method, "sip_method", doc: "The same of methods."),
            .text("acc_i_uri_column", \.requestURI, "i_uri", doc: "The same of the Request-URI as it came."),
            .text("acc_o_uri_column", \.outboundURI, "o_uri", doc: "The same of the Request-URI as it left."),
            .text("acc_sip_from_column", \.from, "sip_from", doc: "The same of From."),
            .text("acc_sip_to_column", \.to, "sip_to", doc: "The same of To."),
            .text("acc_sip_callid_column", \.callID, "sip_callid", doc: "The same of Call-IDs."),
            .text("acc_sip_status_column", \.status, "sip_status", doc: "The same of status and reason."),
            .text(
                "acc_user_column", \.user, "username",
                doc: "The same of From's user; of missed calls, that of the Request-URI as it came."),
            .text("acc_fromtag_column", \.fromTag, "fromtag", doc: "The same of From tags."),
            .text("acc_totag_column", \.toTag, "totag", doc: "The same of To tags."),
            .text("acc_domain_column", \.domain, "domain", doc: "The same of the domain beside the user."),
        ]
    }
}

extension Report {
    /// The columns of ser's form.
    func addSERFields(_ call: Call, _ columns: SERColumns, _ row: inout Row) {
        var isMissed = false
        if case .missed = kind { isMissed = true }
        func add(_ column: apus_str, _ letter: Letter) {
            if !column.isEmpty { row.add(column, text: value(letter, call)) }
        }
        add(columns.fromURI, .fromURI)
        add(columns.toURI, .toURI)
        add(columns.method, .method)
        add(columns.requestURI, .originalURI)
        add(columns.outboundURI, .outboundURI)
        add(columns.from, .from)
        add(columns.to, .to)
        add(columns.callID, .callID)
        add(columns.status, .status)
        add(columns.user, isMissed ? .userPart : .fromUser)
        add(columns.fromTag, .fromTag)
        add(columns.toTag, .toTag)
        add(columns.domain, isMissed ? .domain : .fromDomain)
    }
}
