import PluginAPI

/// The kinds of route block, as the contract's bits name them (apus/base.h).
enum RouteKind: UInt32, CaseIterable {
    case request
    case failure
    case tmOnReply
    case coreOnReply
    case branch
    case onsend
    case local
    case branchFailure
    case event

    /// The `APUS_…_ROUTE` bit.
    var mask: UInt32 { 1 << rawValue }

    /// Every kind's bit: APUS_ANY_ROUTE.
    static let any: UInt32 = 0x1ff

    /// The block keyword with which scripts write it.
    var keyword: String {
        switch self {
        case .request: "request_route"
        case .failure: "failure_route"
        case .tmOnReply: "onreply_route"
        case .coreOnReply: "reply_route"
        case .branch: "branch_route"
        case .onsend: "onsend_route"
        case .local: "event_route[tm:local-request]"
        case .branchFailure: "event_route[tm:branch-failure:…]"
        case .event: "event_route"
        }
    }

    /// The word in a signature's `route(…)`.
    init?(named word: String) {
        switch word {
        case "request": self = .request
        case "failure": self = .failure
        case "onreply": self = .tmOnReply
        case "reply": self = .coreOnReply
        case "branch": self = .branch
        case "onsend": self = .onsend
        case "branch-failure": self = .branchFailure
        case "event": self = .event
        default: return nil
        }
    }

    private var word: String {
        switch self {
        case .request: "request"
        case .failure: "failure"
        case .tmOnReply: "onreply"
        case .coreOnReply: "reply"
        case .branch: "branch"
        case .onsend: "onsend"
        case .local: "local"
        case .branchFailure: "branch-failure"
        case .event: "event"
        }
    }

    static func names(in mask: UInt32) -> [String] {
        allCases.filter { mask & $0.mask != 0 }.map(\.word)
    }

    /// "request_route, failure_route or branch_route", for diagnostics.
    static func list(_ mask: UInt32) -> String {
        if mask == any & ~onsend.mask { return "every block but onsend_route" }
        let names = allCases.filter { mask & $0.mask != 0 }.map(\.keyword)
        guard let last = names.last, names.count > 1 else { return names.first ?? "no route" }
        return names.dropLast().joined(separator: ", ") + " or " + last
    }
}
