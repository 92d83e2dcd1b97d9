import DoorKit
import PluginKit

/// What the parameters say.
struct State {
    var access = DoorAccess()
    /// Where to listen, as it was written.
    var binrpc: [String] = []
    /// Where the text protocol is spoken.
    var fifo: [String] = []
    var replyFolder: apus_str = "/tmp/"
    var converts: Int64 = 0
    var maxBody: Int64 = 0
    /// Kamailio's, without meaning here: our buffers grow as they must.
    var maxStructBody: Int64 = 0
    var bufferSize: Int64 = 0
    var timeout: Int64 = 0
    var maxConnections: Int64 = 0
}

/// Set while the config is read and constant afterwards.
nonisolated(unsafe) let state = permanent(State())
