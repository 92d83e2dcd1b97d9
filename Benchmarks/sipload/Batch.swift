import CLinux
import Glibc

/// Datagrams that travel through one system call together.
///
/// Invariants: the four allocations hold `capacity` elements each (`bytes` that many times `slotSize`) and live as long as the
/// batch; `headers[i]` points to `names[i]` and `vectors[i]` from the beginning to the end; `vectors[i]` points into slot i of
/// `bytes`, or, after `set(_:to:count:)`, to memory of the caller that outlives the next send.
struct Batch: ~Copyable {
    static let slotSize = 2048

    let capacity: Int
    private let bytes: UnsafeMutablePointer<UInt8>
    private let names: UnsafeMutablePointer<sockaddr_in>
    private let vectors: UnsafeMutablePointer<iovec>
    private let headers: UnsafeMutablePointer<linux_mmsghdr>

    init(_ capacity: Int) {
        self.capacity = capacity
        bytes = .allocate(capacity: capacity * Batch.slotSize)
        bytes.initialize(repeating: 0, count: capacity * Batch.slotSize)
        names = .allocate(capacity: capacity)
        names.initialize(repeating: sockaddr_in(), count: capacity)
        vectors = .allocate(capacity: capacity)
        vectors.initialize(repeating: iovec(), count: capacity)
        headers = .allocate(capacity: capacity)
        headers.initialize(repeating: linux_mmsghdr(), count: capacity)
        for index in 0..<capacity {
            headers[index].msg_hdr.msg_iov = vectors + index
            headers[index].msg_hdr.msg_iovlen = 1
            reset(index)
        }
    }

    deinit {
        bytes.deallocate()
        names.deallocate()
        vectors.deallocate()
        headers.deallocate()
    }

    private func reset(_ index: Int) {
        vectors[index] = iovec(iov_base: bytes + index * Batch.slotSize, iov_len: Batch.slotSize)
        headers[index].msg_hdr.msg_name = UnsafeMutableRawPointer(names + index)
        headers[index].msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_in>.size)
    }

    func slot(_ index: Int) -> UnsafeMutablePointer<UInt8> { bytes + index * Batch.slotSize }
    func name(_ index: Int) -> sockaddr_in { names[index] }
    /// Length of a received datagram.
    func count(_ index: Int) -> Int { Int(headers[index].msg_len) }

    /// Receives what is there; 0 when nothing is.
    func receive(_ socket: borrowing Socket) -> Int {
        for index in 0..<capacity { reset(index) }
        return max(0, Int(linux_recvmmsg(socket.descriptor, headers, UInt32(capacity))))
    }

    /// Makes a datagram ready to send from slot memory or foreign memory; without a name it goes to the connected peer.
    func set(_ index: Int, to memory: UnsafeMutablePointer<UInt8>, count: Int, name: sockaddr_in?) {
        vectors[index] = iovec(iov_base: memory, iov_len: count)
        if let name {
            names[index] = name
            headers[index].msg_hdr.msg_name = UnsafeMutableRawPointer(names + index)
            headers[index].msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_in>.size)
        } else {
            headers[index].msg_hdr.msg_name = nil
            headers[index].msg_hdr.msg_namelen = 0
        }
    }

    /// Sends the first `count`; one that the kernel refuses for another reason than a full buffer is passed over.
    /// A connected socket reports the peer's absence here: ECONNREFUSED belongs to an earlier datagram, so that is repeated.
    func send(_ socket: borrowing Socket, _ count: Int) {
        var from = 0
        var refusals = 0
        while from < count {
            let sent = Int(linux_sendmmsg(socket.descriptor, headers + from, UInt32(count - from)))
            if sent > 0 {
                from += sent
            } else if errno != EAGAIN && errno != EINTR {
                refusals += 1
                if refusals > count {
                    refusals = 0
                    from += 1
                }
            }
        }
    }
}
