import PluginKit

private let module = Module(
    "snmpstats", version: "1.0", summary: "Statistics, tables and traps by SNMP, behind a master agent",
    needs: "usrloc/1? auth/1? dialog/1?",
    start: { host in startAgent(host) },
    declare: { host in
        let settings = permanent(Settings())
        Settings.shared = settings
        host.declare(ParameterTable.all, in: settings)
        host.parameter(
            "sipEntityType", user: settings,
            doc: """
                A role that this server plays; several lines add up: registrarServer, redirectServer, proxyServer, userAgent,\
                 other, edgeproxyServer, sipcaptureServer.
                """, set: addRole)
        host.command(
            "snmpstats.status", flags: APUS_RPC_READS,
            reply: """
                {master:string, state:string, since:int, registrations:int, requests:int, sets:int, notifications:int,\
                 dropped:int, missed:int, alarms:[{alarm:string, value?:int, minor:string, major:string}]}
                """,
            doc: "The connection to the master agent, what was served over it, and the alarms.", call: showStatus)
    })

@c(apus_module_snmpstats)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
