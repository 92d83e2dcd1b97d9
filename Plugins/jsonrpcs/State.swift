import DoorKit
import PluginKit

/// What the parameters say.
struct State {
    /// Bits: 1 HTTP, 2 FIFO, 4 datagram, 8 TCP; 0: all that are configured.
    var transport: Int64 = 0
    var pretty: Int64 = 0
    var fifoName: apus_str = ""
    var fifo = DoorAccess()
    var replyFolder: apus_str = ""
    var socketName: apus_str = ""
    var datagram = DoorAccess()
    var datagramTimeout: Int64 = 0
    var datagramWorkers: Int64 = 0
    var tcpAddress: apus_str = ""
    var isPublic: Int64 = 0
    var maxConnections: Int64 = 0
    /// For the last reply to `jsonrpc_exec`, of a message.
    var slot: CInt = -1
}

/// Set while the config is read and constant afterwards.
nonisolated(unsafe) let state = permanent(State())

/// What is larger is refused: more than any command needs, and as much as a datagram carries.
let maxRequest: Int64 = 65535
