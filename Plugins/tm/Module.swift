import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "tm", version: "1.0", summary: "Stateful transactions (RFC 3261 section 17)",
    start: { host in
        state.pointee.host = host
        guard settleParameters(host, state) else { return .false }
        let count = host.pointee.worker.pointee.count(host)
        let homes = UnsafeMutablePointer<UnsafeMutablePointer<Home>>.allocate(capacity: Int(count))
        for index in 0..<count {
            homes[Int(index)] = permanent(
                Home(
                    host: host, state: state, settings: state.pointee.settings, index: index, table: Table(),
                    random: RandomPool()))
        }
        guard host.pointee.net.pointee.on_undelivered(host, undelivered, state) > 0 else { return .false }
        state.pointee.homes = homes
        state.pointee.homeCount = count
        return .true
    },
    declare: { host in
        State.shared = state
        _ = host.pointee.publish(host, TM_API, makeInterface())
        declareParameters(host, state)
        declareCounters(host, state)
        declareSettingFunctions(host, state)
        declareRouteFunctions(host, state)
        declareServerFunctions(host, state)
        declareRelayFunctions(host, state)
        declareOwnRequests(host, state)
        declareApplicationFunctions(host, state)
        declareContactFunctions(host, state)
        declareFurtherFunctions(host, state)
        declareAppending(host, state)
        state.pointee.contextSlot = host.slot(APUS_SLOT_MESSAGE)
        host.hook(APUS_HOOK_REQUEST, user: state, call: receiveRequest)
        host.hook(APUS_HOOK_REPLY_ROUTED, user: state, call: receiveReply)
        host.hook(APUS_HOOK_REQUEST_ENDED, user: state, call: requestEnded)
    })

@c(apus_module_tm)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
