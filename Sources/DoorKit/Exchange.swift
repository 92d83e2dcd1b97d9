import PluginKit

// Invariants: on the management thread, but for executions that a script starts. The host holds one reference from `start` until the last
// result or `cancel`.

/// A command on its way, and its answer on the way back. A door overrides `received`.
open class Exchange {
    public let host: Host
    /// 0 when none is under way.
    public private(set) var execution: UInt64 = 0

    public init(_ host: Host) { self.host = host }

    /// How an execution is to be done.
    public struct Options {
        /// `received` is called with each part of a long answer.
        public var parts = false
        /// Bytes of an answer, or of a part; 0: as the host limits it.
        public var maxAnswer: UInt32 = 0
        /// Who asks.
        public var door: apus_str
        public var peer: apus_str

        public init(door: apus_str, peer: apus_str = "") { (self.door, self.peer) = (door, peer) }
    }

    public func start(_ name: [UInt8], _ row: ItemRow, _ options: Options) {
        let me = Unmanaged.passRetained(self).toOpaque()
        execution = name.withUnsafeBufferPointer { name in
            row.withItems { items in
                var request = apus_request(
                    size: UInt32(MemoryLayout<apus_request>.size), flags: 0,
                    name: apus_str(start: name.baseAddress, count: name.count), items: items.baseAddress,
                    count: UInt32(items.count), max_answer: options.maxAnswer, parts: options.parts ? 1 : 0,
                    reserved: 0, door: options.door, peer: options.peer, done: Exchange.done, user: me)
                return host.pointee.rpc.pointee.start(host, &request)
            }
        }
    }

    private static let done: @convention(c) (Host, UnsafePointer<apus_result>) -> Void = { _, result in
        let reference = Unmanaged<Exchange>.fromOpaque(result.pointee.user!)
        let exchange = reference.takeUnretainedValue()
        if result.pointee.more == 0 {
            exchange.execution = 0
            reference.release()
        }
        exchange.received(Result(result: result, api: exchange.host.pointee.rpc))
    }

    /// Whoever asked is gone: `received` is not called any more.
    public func cancel() {
        guard execution != 0 else { return }
        host.pointee.rpc.pointee.cancel(host, execution)
        execution = 0
        Unmanaged.passUnretained(self).release()
    }

    /// After a part: the next one, please.
    public func more() {
        if execution != 0 { host.pointee.rpc.pointee.more(host, execution) }
    }

    /// What came of it, or a part of that.
    open func received(_ result: Result) {}

    /// An answer or a part of one, or a fault. Valid for the call.
    public struct Result {
        let result: UnsafePointer<apus_result>
        let api: UnsafePointer<apus_rpc_api>

        /// 200, or the fault's.
        public var code: Int { Int(result.pointee.code) }
        /// The fault's.
        public var text: apus_str { result.pointee.text }
        /// Why the command was not called, `APUS_RPC_UNKNOWN` …; 0: it was.
        public var refusal: Int { Int(result.pointee.refusal) }
        /// Another part follows, when `more` was called.
        public var hasMore: Bool { result.pointee.more != 0 }

        /// Shows the items in order.
        public func show(_ body: (apus_item) -> Void) {
            guard let answer = result.pointee.answer else { return }
            var position: UInt64 = 0
            var item = apus_item()
            while api.pointee.next(answer, &position, &item) > 0 { body(item) }
        }
    }
}
