import PluginAPI

// Invariants: `current` is set once on the main thread before any worker starts and constant from then on. The functions are called on
// workers, from the script; they neither block nor take memory from the system unless they say so. A listener is an opaque pointer
// that lives for ever: what `Routing.receivedOn` and `Branch.sendThrough` hold.

/// What scripts need of rooms that this one does not know: sockets, sending, and the server's facts about itself. The Server room fills
/// it in; without it nothing is ours and nothing can be sent, which is what a config check wants.
struct ScriptEnvironment {
    typealias Listener = UnsafeMutableRawPointer

    /// Fills in what a listener is; its texts live for ever. False when the pointer names none.
    typealias ListenerInfo = @convention(c) (Listener, UnsafeMutablePointer<apus_listener_info>) -> Bool
    /// The listener of that transport (0: any), address or name, and port (0: any); nil when it is not ours.
    typealias FindListener = @convention(c) (UInt32, apus_str, UInt16) -> Listener?
    /// The listener that the config gives this name; nil when there is none.
    typealias FindNamedListener = @convention(c) (apus_str) -> Listener?
    /// Whether host and port (0: not compared) name this server.
    typealias IsMyself = @convention(c) (apus_str, UInt16) -> Bool
    /// Sends the message of a call without a transaction. The second argument is a `ForwardTarget`, which lives for the call. Answers like a
    /// script function: above 0 sent, negative failed (it has been logged), APUS_SUSPENDED while a name is looked up.
    typealias Forward = @convention(c) (UnsafePointer<apus_call>, UnsafeRawPointer) -> CInt
    /// Runs a shell command off the worker; answers like a script function. The text has no 0 in it.
    typealias Execute = @convention(c) (UnsafePointer<apus_call>, apus_str) -> CInt
    /// Requests to that port of a connection's peer use the connection, too. False when it cannot be noted.
    typealias AddAlias = @convention(c) (_ connection: UInt64, _ port: UInt16) -> Bool
    /// Puts the value of a statistic (`name` or `group:name`) into the place. False when there is none.
    typealias Statistic = @convention(c) (apus_str, UnsafeMutablePointer<Int64>) -> Bool
    /// Puts the value that the calling worker goes by, of the changeable parameter with that number, into the place; its text lives for ever. The
    /// second argument names an instance of its group, nil the group itself.
    typealias Parameter = @convention(c) (UInt32, UnsafePointer<Int64>?, UnsafeMutablePointer<apus_value>) -> Bool
    /// Whether the group of changeable parameters with that number has an instance of that id, for the calling worker.
    typealias HasInstance = @convention(c) (UInt32, Int64) -> Bool

    var listenerInfo: ListenerInfo = { _, _ in false }
    var findListener: FindListener = { _, _, _ in nil }
    var findNamedListener: FindNamedListener = { _ in nil }
    var isMyself: IsMyself = { _, _ in false }
    var forward: Forward = { _, _ in -1 }
    var execute: Execute = { _, _ in -1 }
    var addAlias: AddAlias = { _, _ in false }
    var statistic: Statistic = { _, _ in false }
    var parameter: Parameter = { _, _, _ in false }
    var hasInstance: HasInstance = { _, _ in false }
    /// The listeners of the config are known: a socket that is not found is none of ours.
    var knowsListeners = false
    var facts = ServerFacts()

    static nonisolated(unsafe) var current = ScriptEnvironment()
}

/// Where `forward` and `send` send to.
struct ForwardTarget {
    /// Host, port and transport as the script or a URI names them; texts live for the call.
    var hop: NextHop
    /// As it was received: no Via, no edits.
    var isRaw: Bool
}

/// What the server says about itself. Texts live for ever.
struct ServerFacts {
    /// `1.2.3`
    var version = Bytes("")
    /// `0x010203`
    var versionNumber: Int64 = 0
    /// Name, version and platform.
    var fullVersion = Bytes("")
    /// Names the source that was built.
    var versionHash = Bytes("")
    /// `server_id`
    var serverID: Int64 = 0
    /// Tells this start of this server from all others (`$iuid`).
    var instanceID = Bytes("")
    var processID: Int64 = 0
    /// The config counts log levels as SER did.
    var isSER = false
    /// Seconds since 1970 when the server started.
    var startTime: Int64 = 0
}
