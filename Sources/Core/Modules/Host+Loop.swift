import CLinux
import PluginAPI

// Invariants: a watch of a module is a ModuleWatch, kept by its thread's table until it ends, to which the loop points without a reference.
// The tables of workers belong to their threads; a watch's id names its place and generation there, so that a stale one is harmless.

/// A descriptor that a module watches.
private final class ModuleWatch {
    typealias Ready =
        @convention(c) (UnsafePointer<apus_host>, UInt64, UInt32, UnsafeMutableRawPointer?) -> Void

    let host: UnsafePointer<apus_host>
    let ready: Ready
    let user: UnsafeMutableRawPointer?
    var id = WatchID(index: 0, generation: 0)

    init(_ host: UnsafePointer<apus_host>, _ ready: @escaping Ready, _ user: UnsafeMutableRawPointer?) {
        self.host = host
        self.ready = ready
        self.user = user
    }

    /// Never 0.
    var name: UInt64 { UInt64(id.generation) << 32 | UInt64(id.index) + 1 }

    static let event: EventLoop.Callback = { _, context, events in
        guard let context else { return }
        // It may end in the call.
        let watch = Unmanaged<ModuleWatch>.fromOpaque(context).takeUnretainedValue()
        var ready: UInt32 = 0
        if events & EPOLLIN.rawValue != 0 { ready |= UInt32(APUS_READABLE) }
        if events & EPOLLOUT.rawValue != 0 { ready |= UInt32(APUS_WRITABLE) }
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { ready |= UInt32(APUS_HUNG_UP) }
        watch.ready(watch.host, watch.name, ready, watch.user)
    }
}

/// The watches of modules on one thread.
final class ModuleWatches {
    private var all: [UInt64: ModuleWatch] = [:]

    fileprivate func add(_ watch: ModuleWatch) { all[watch.name] = watch }
    fileprivate func remove(_ name: UInt64) -> ModuleWatch? { all.removeValue(forKey: name) }
    fileprivate subscript(_ name: UInt64) -> ModuleWatch? { all[name] }
}

/// The group `loop`: apus/loop.h.
extension HostTables {
    static func makeLoop() -> apus_loop_api {
        apus_loop_api(
            size: size(apus_loop_api.self),
            watch: { host, fd, events, ready, user in
                let watch = ModuleWatch(host, ready, user)
                let context = Unmanaged.passUnretained(watch).toOpaque()
                let wanted = HostTables.epoll(events)
                do throws(SystemError) {
                    if let thread = ManagementThread.current {
                        watch.id = try thread.watch(fd, wanted, context: context, ModuleWatch.event)
                    } else if let worker = Worker.current {
                        watch.id = try worker.pointee.loop.watch(fd, wanted, context: context, ModuleWatch.event)
                    } else {
                        host.module.refuse("loop->watch: neither on a worker nor on the management thread")
                        return 0
                    }
                } catch {
                    Log.error("\(host.module.name): descriptor \(fd) cannot be watched: \(error.text)")
                    return 0
                }
                HostTables.watches(host)?.add(watch)
                return watch.name
            },
            change: { host, name, events in
                guard let watch = HostTables.watches(host)?[name] else { return CInt(APUS_FALSE) }
                let wanted = HostTables.epoll(events)
                do throws(SystemError) {
                    if let thread = ManagementThread.current {
                        try thread.change(watch.id, wanted)
                    } else if let worker = Worker.current {
                        try worker.pointee.loop.change(watch.id, wanted)
                    }
                } catch {
                    Log.error("\(host.module.name): a descriptor cannot be watched: \(error.text)")
                    return CInt(APUS_FALSE)
                }
                return CInt(APUS_TRUE)
            },
            unwatch: { host, name in
                guard let watch = HostTables.watches(host)?.remove(name) else { return CInt(APUS_FALSE) }
                if let thread = ManagementThread.current {
                    thread.unwatch(watch.id)
                } else if let worker = Worker.current {
                    worker.pointee.loop.unwatch(watch.id)
                }
                return CInt(APUS_TRUE)
            },
            post: { host, job in
                HostTables.answer(host.modules.management.post(HostTables.node(of: job, for: host)))
            },
            is_management: { _ in HostTables.answer(ManagementThread.current != nil) },
            serve: { host, begun, ended, user in
                host.declaring("loop->serve", in: [.declaring, .starting]) { (_, modules) in
                    let owner = ServedModule(host: host, user: user)
                    modules.management.serve(
                        begun: { begun?(owner.host, owner.user) }, ended: { ended?(owner.host, owner.user) })
                    return CInt(APUS_TRUE)
                }
            })
    }

    private static func epoll(_ events: UInt32) -> UInt32 {
        var wanted: UInt32 = 0
        if events & UInt32(APUS_READABLE) != 0 { wanted |= EPOLLIN.rawValue }
        if events & UInt32(APUS_WRITABLE) != 0 { wanted |= EPOLLOUT.rawValue }
        return wanted
    }

    /// Those of the calling thread.
    private static func watches(_ host: UnsafePointer<apus_host>) -> ModuleWatches? {
        if let thread = ManagementThread.current {
            if let made = thread.watches as? ModuleWatches { return made }
            let made = ModuleWatches()
            thread.watches = made
            return made
        }
        guard let worker = host.shared.worker else { return nil }
        if let made = worker.pointee.watches { return made.takeUnretainedValue() }
        let made = ModuleWatches()
        worker.pointee.watches = Unmanaged.passRetained(made)
        return made
    }
}

/// Who serves on the management thread.
private struct ServedModule: @unchecked Sendable {
    let host: UnsafePointer<apus_host>
    let user: UnsafeMutableRawPointer?
}
