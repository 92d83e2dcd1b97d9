import PluginAPI

// Invariants: an apus_timer is the module's memory and stays at its place from `prepare` on while it is armed. Its `node` holds a TimerNode
// and its `reserved` the number of the module that prepared it; both are touched on its thread only.

/// Timers that lie in the modules' own objects: `timer->prepare`, `arm` and `disarm` of the contract.
enum EmbeddedTimer {
    typealias Fire = @convention(c) (UnsafePointer<apus_host>, UnsafeMutablePointer<apus_timer>) -> Void

    static func prepare(
        _ host: UnsafePointer<apus_host>, _ timer: UnsafeMutablePointer<apus_timer>, _ fire: @escaping Fire
    ) {
        timer.pointee.size = UInt32(MemoryLayout<apus_timer>.size)
        timer.pointee.reserved = host.record.pointee.number
        timer.pointee.fire = fire
        node(of: timer).initialize(
            to: TimerNode(context: timer) { _, timer in
                guard let timer = timer?.assumingMemoryBound(to: apus_timer.self),
                    let host = HostDirectory[timer.pointee.reserved]
                else { return }
                timer.pointee.fire?(host, timer)
            })
    }

    static func arm(
        _ host: UnsafePointer<apus_host>, _ timer: UnsafeMutablePointer<apus_timer>, milliseconds: UInt32
    ) {
        guard let worker = host.shared.worker?.pointee.worker else {
            ManagementThread.current?.schedule(node(of: timer), after: UInt64(milliseconds))
            return
        }
        worker.pointee.wheel.schedule(node(of: timer), at: worker.pointee.clock.now &+ UInt64(milliseconds))
    }

    static func disarm(_ host: UnsafePointer<apus_host>, _ timer: UnsafeMutablePointer<apus_timer>) {
        guard let worker = host.shared.worker?.pointee.worker else {
            ManagementThread.current?.remove(node(of: timer))
            return
        }
        worker.pointee.wheel.remove(node(of: timer))
    }

    /// Where the node lies: `apus_timer.node` is large enough for it.
    @inline(__always)
    private static func node(of timer: UnsafeMutablePointer<apus_timer>) -> UnsafeMutablePointer<TimerNode> {
        (UnsafeMutableRawPointer(timer) + MemoryLayout<apus_timer>.offset(of: \.node)!)
            .assumingMemoryBound(to: TimerNode.self)
    }
}
