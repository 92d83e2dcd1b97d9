import PluginAPI

/// The group `suspend`: apus/suspend.h.
extension HostTables {
    static func makeSuspend() -> apus_suspend_api {
        apus_suspend_api(
            size: size(apus_suspend_api.self),
            begin: { call, milliseconds, done, user in
                let run = UnsafeMutablePointer<Run>(call.pointee.run)
                return apus_token(value: run.beginSuspension(milliseconds: milliseconds, done: done, user: user))
            },
            complete: { _, token, status, payload, release in
                SuspensionDirectory.complete(token.value, status: status, payload: payload, release: release)
            },
            user: { UnsafeMutablePointer<Run>($0.pointee.run).pointee.resumeUser })
    }
}
