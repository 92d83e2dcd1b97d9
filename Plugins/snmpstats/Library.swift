import CNetSNMP
import Glibc
import PluginKit

// Invariants: everything here is called on the agent's thread: the library is not made for several.

/// Net-SNMP's agent library: how it is set up, and what it says.
enum Library {
    /// What the config file said; nil: nothing.
    struct Config {
        var socket: String?
        /// Seconds between two pings of the master agent.
        var pingInterval: UInt64
    }

    /// - Parameter register: called when handlers can be registered, before the config is read.
    static func start(_ host: Host, register: () -> Void) -> Config {
        let (library, agent) = (CInt(NETSNMP_DS_LIBRARY_ID), CInt(NETSNMP_DS_APPLICATION_ID))
        // Signals are the server's, and so are files of state.
        netsnmp_ds_set_boolean(library, CInt(NETSNMP_DS_LIB_ALARM_DONT_USE_SIG), 1)
        netsnmp_ds_set_boolean(library, CInt(NETSNMP_DS_LIB_DISABLE_PERSISTENT_LOAD), 1)
        netsnmp_ds_set_boolean(library, CInt(NETSNMP_DS_LIB_DISABLE_PERSISTENT_SAVE), 1)
        netsnmp_ds_set_boolean(agent, CInt(NETSNMP_DS_AGENT_ROLE), 1)
        netsnmp_ds_set_boolean(agent, CInt(NETSNMP_DS_AGENT_NO_CONNECTION_WARNINGS), 1)
        netsnmp_ds_set_boolean(agent, CInt(NETSNMP_DS_AGENT_NO_ROOT_ACCESS), 1)
        listenToLog(host)
        // Names are for managers: an agent needs no MIB files.
        register_mib_handlers()
        var noFiles = Array("mibs :".utf8CString)
        netsnmp_config(&noFiles)
        Connection.declare()
        init_agent("snmpstats")
        // Connecting, pinging and connecting again are ours.
        snmp_unregister_callback(
            CInt(SNMP_CALLBACK_LIBRARY), CInt(SNMP_CALLBACK_POST_READ_CONFIG), subagent_startup, nil, 0)
        netsnmp_ds_set_string(agent, CInt(NETSNMP_DS_AGENT_X_SOCKET), Connection.target)
        register()
        init_snmp("snmpstats")
        let socket = netsnmp_ds_get_string(agent, CInt(NETSNMP_DS_AGENT_X_SOCKET)).map { String(cString: $0) }
        let ping = netsnmp_ds_get_int(agent, CInt(NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL))
        let timeout = netsnmp_ds_get_int(agent, CInt(NETSNMP_DS_AGENT_AGENTX_TIMEOUT))
        let retries = netsnmp_ds_get_int(agent, CInt(NETSNMP_DS_AGENT_AGENTX_RETRIES))
        netsnmp_ds_set_int(library, CInt(NETSNMP_DS_LIB_TIMEOUT), timeout >= 1_000_000 ? timeout / 1_000_000 : 1)
        netsnmp_ds_set_int(library, CInt(NETSNMP_DS_LIB_RETRIES), retries >= 0 ? retries : 1)
        netsnmp_ds_set_string(agent, CInt(NETSNMP_DS_AGENT_X_SOCKET), Connection.target)
        netsnmp_ds_set_int(agent, CInt(NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL), 0)
        return Config(
            socket: socket == Connection.target ? nil : socket, pingInterval: ping > 0 ? UInt64(ping) : 15)
    }

    private static func listenToLog(_ host: Host) {
        snmp_enable_calllog()
        snmp_register_callback(
            CInt(SNMP_CALLBACK_LIBRARY), CInt(SNMP_CALLBACK_LOGGING),
            { _, _, message, user in
                guard let message = message?.assumingMemoryBound(to: snmp_log_message.self), let user,
                    let text = message.pointee.msg
                else { return 0 }
                let host = Host(user.assumingMemoryBound(to: apus_host.self))
                // What it says of the connection we say ourselves.
                host.log(.debug, "Net-SNMP: \(String(cString: text).trimmed)")
                return 0
            }, UnsafeMutableRawPointer(mutating: host))
    }

    /// Calls `connected` and `lost` with the session to the master agent.
    static func follow(_ agent: Agent) {
        let user = Unmanaged.passUnretained(agent).toOpaque()
        snmp_register_callback(
            CInt(SNMP_CALLBACK_APPLICATION), CInt(SNMPD_CALLBACK_INDEX_START),
            { _, _, session, user in
                Unmanaged<Agent>.fromOpaque(user.unsafelyUnwrapped).takeUnretainedValue().session =
                    session?.assumingMemoryBound(to: netsnmp_session.self)
                return 0
            }, user)
        snmp_register_callback(
            CInt(SNMP_CALLBACK_APPLICATION), CInt(SNMPD_CALLBACK_INDEX_STOP),
            { _, _, _, user in
                Unmanaged<Agent>.fromOpaque(user.unsafelyUnwrapped).takeUnretainedValue().session = nil
                return 0
            }, user)
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = Substring(self)
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
