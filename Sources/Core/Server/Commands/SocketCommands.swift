import Glibc

/// What the server listens on, and the names that it goes by.
extension CoreCommands {
    func declareSockets() throws(CommandRegistry.Refusal) {
        let view = view
        try add(
            "core.sockets_list",
            reply: """
                [{socket:{af:string, proto:string, address:string, port:string, mcast:string, mhomed:string, \
                virtual:string, name?:string, advertise?:string}}]
                """,
            "The addresses that the server listens on."
        ) { execution in
            execution.answer.array {
                for listener in view.listeners.listeners { CoreCommands.add(listener, execution.answer) }
            }
            return .done
        }
        try add(
            "core.aliases_list",
            reply: "{myself_callbacks:string, aliases:[{alias:{proto:string, address:string, port:string}}]}",
            "The names that mean this server."
        ) { execution in
            let answer = execution.answer
            answer.map {
                answer.add("no", key: "myself_callbacks")
                answer.array(key: "aliases") {
                    for alias in view.listeners.aliases {
                        answer.map {
                            answer.map(key: "alias") {
                                answer.add("*", key: "proto")
                                answer.add(alias.host, key: "address")
                                answer.add(alias.port.map { "\($0)" } ?? "*", key: "port")
                            }
                        }
                    }
                }
            }
            return .done
        }
        try add(
            "core.udp4_raw_info", reply: "{udp4_raw:int, udp4_raw_mtu:int, udp4_raw_ttl:int}",
            "Raw UDP sockets, which are not used here: their values as set, always off."
        ) { execution in
            execution.answer.map {
                execution.answer.add(0, key: "udp4_raw")
                execution.answer.add(view.settings.number("udp4_raw_mtu"), key: "udp4_raw_mtu")
                execution.answer.add(view.settings.number("udp4_raw_ttl"), key: "udp4_raw_ttl")
            }
            return .done
        }
    }

    private static func add(_ listener: Listener, _ answer: Answer) {
        answer.map {
            answer.map(key: "socket") {
                answer.add(listener.address.isV6 ? "ipv6" : "ipv4", key: "af")
                answer.add("\(listener.proto.name)", key: "proto")
                answer.add(listener.addressText.string, key: "address")
                answer.add(listener.portText.string, key: "port")
                answer.add(listener.address.isMulticast ? "yes" : "no", key: "mcast")
                answer.add("no", key: "mhomed")
                answer.add(listener.isVirtual ? "yes" : "no", key: "virtual")
                if !listener.name.isEmpty { answer.add(listener.name.string, key: "name") }
                if listener.hasAdvertised { answer.add(listener.sentBy.string, key: "advertise") }
            }
        }
    }
}
