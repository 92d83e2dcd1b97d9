import PluginKit

// Invariants: written while the config is read, on the main thread, and constant from then on.

/// What the module's parameters say; their defaults stand in ParameterTable.
struct Settings {
    // Sources.
    var listFile = apus_str()
    var databaseURL = apus_str()
    var table = apus_str()
    var setColumn = apus_str()
    var uriColumn = apus_str()
    var flagsColumn = apus_str()
    var priorityColumn = apus_str()
    var attributesColumn = apus_str()
    var extraAttributes = apus_str()
    var loadMode: Int64 = 0
    /// Seconds.
    var reloadDelta: Int64 = 0
    var attributesNone: Int64 = 0
    var orderCompat: Int64 = 0

    // Selection.
    var forceDestination: Int64 = 1
    var flags: Int64 = 0
    var useDefault: Int64 = 0
    var hashConsistent: Int64 = 0
    var hashText = apus_str()
    var destinationAVP = apus_str()
    var groupAVP = apus_str()
    var countAVP = apus_str()
    var callAVP = apus_str()
    var attributesAVP = apus_str()
    var setVariable = apus_str()
    var attributesVariable = apus_str()
    var destinationXAVP = apus_str()
    var destinationXAVPMode: Int64 = 0
    var contextXAVP = apus_str()
    var contextXAVPMode: Int64 = 0
    var defaultSocket = apus_str()
    var defaultSocketName = apus_str()

    // Calls; seconds.
    var hashSize: Int64 = 0
    var hashExpire: Int64 = 0
    var hashInitialExpire: Int64 = 0
    var hashCheckInterval: Int64 = 0

    // Probing.
    var pingMethod = apus_str()
    var pingFrom = apus_str()
    /// Seconds.
    var pingInterval: Int64 = 0
    var probingThreshold: Int64 = 1
    var inactiveThreshold: Int64 = 1
    var replyCodes = apus_str()
    var probingMode: Int64 = 0
    /// Milliseconds.
    var pingTimeout: Int64 = 0
    var pingSocket = apus_str()
    var outboundProxy = apus_str()
    var latencyStatistics: Int64 = 0
    var retainLatency: Int64 = 0
    /// Thousandths.
    var latencyAlpha: Int64 = 100
    var eventCallback = apus_str()
    var eventMode: Int64 = 0

    // Names; seconds.
    var dnsMode: Int64 = 1
    var dnsInterval: Int64 = 600
    var dnsTTL: Int64 = 0
    var dnsMatchAll: Int64 = 0

    var timerMode: Int64 = 0

    /// The other destinations are kept for ds_next_dst.
    var keepsOthers: Bool { flags & 2 != 0 }
    /// Hashes over URIs are over their user part alone.
    var hashesUsers: Bool { flags & 1 != 0 }
    var countsCalls: Bool { hashSize > 0 }
}
