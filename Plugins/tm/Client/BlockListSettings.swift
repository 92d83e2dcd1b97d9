import PluginKit

// Invariants: the core tells of changes on each worker, which writes its own settings only.

/// The core's parameters of the block list.
private enum BlockListParameter: CaseIterable {
    case use, expire, udp, tcp, tls, sctp

    var name: apus_str {
        switch self {
        case .use: "use_dst_blocklist"
        case .expire: "dst_blocklist_expire"
        case .udp: "dst_blocklist_udp_imask"
        case .tcp: "dst_blocklist_tcp_imask"
        case .tls: "dst_blocklist_tls_imask"
        case .sctp: "dst_blocklist_sctp_imask"
        }
    }

    func set(_ value: apus_value, in settings: inout Settings) {
        switch self {
        case .use: settings.usesBlockList = settings.hasBlockList && value.isOn
        case .expire: settings.blockListExpire = UInt32(clamping: min(value.num, 1 << 20) * 1000)
        case .udp: settings.blockListMasks.0 = value.num
        case .tcp: settings.blockListMasks.1 = value.num
        case .tls: settings.blockListMasks.2 = value.num
        case .sctp: settings.blockListMasks.3 = value.num
        }
    }

    /// [worker]
    var changed: @convention(c) (Host, UnsafePointer<apus_value>, UnsafeMutableRawPointer?) -> Void {
        switch self {
        case .use: { take(.use, $1, $2) }
        case .expire: { take(.expire, $1, $2) }
        case .udp: { take(.udp, $1, $2) }
        case .tcp: { take(.tcp, $1, $2) }
        case .tls: { take(.tls, $1, $2) }
        case .sctp: { take(.sctp, $1, $2) }
        }
    }
}

private func take(
    _ parameter: BlockListParameter, _ value: UnsafePointer<apus_value>, _ user: UnsafeMutableRawPointer?
) {
    guard let home = user?.assumingMemoryBound(to: State.self).home else { return }
    parameter.set(value.pointee, in: &home.settings.pointee)
}

/// [start] What the core's parameters say of the block list, now and when they change.
func settleBlockList(_ host: Host, _ state: UnsafeMutablePointer<State>) -> Bool {
    let config = host.pointee.config
    let settings = state.pointer(to: \.settings).unsafelyUnwrapped
    settings.pointee.hasBlockList = host.core("dst_blocklist_init").isOn
    for parameter in BlockListParameter.allCases {
        parameter.set(host.core(parameter.name), in: &settings.pointee)
        guard config.pointee.follow(host, parameter.name, parameter.changed, state) > 0 else { return false }
    }
    if settings.pointee.blst503 != 0, !settings.pointee.usesBlockList {
        host.log(.notice, "blst_503 has no effect without the core's use_dst_blocklist=yes")
    }
    return true
}
