import PluginKit

/// The two names of one tree: it is answered below both enterprise numbers alike.
enum Family: Int, CaseIterable {
    case openser, kamailio

    /// The enterprise's OID.
    var root: [UInt] { [1, 3, 6, 1, 4, 1, self == .openser ? 27483 : 34352] }

    /// Those that a parameter names; nil when it names none.
    static func named(_ text: apus_str) -> [Family]? {
        switch text.string {
        case "both": [.openser, .kamailio]
        case "kamailio": [.kamailio]
        case "openser": [.openser]
        default: nil
        }
    }
}
