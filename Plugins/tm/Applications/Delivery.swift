import Glibc
import PluginKit

// Invariants: nothing here waits: descriptors are non-blocking. A path has no NUL byte. A FIFO is open for one write only; the socket of a worker
// stays open, and is used by that worker alone.

/// How an attempt to hand a description over has ended.
enum Delivery {
    case done
    /// The reader is behind: there may be room later.
    case full
    /// An errno.
    case failed(Int32)
}

extension Description {
    /// To a FIFO that somebody has open for reading: as a whole or not at all. Only up to PIPE_BUF bytes does the system promise that, whoever
    /// else writes; what is longer is `failed(EMSGSIZE)`.
    func write(toFIFO path: apus_str) -> Delivery {
        withPath(path) { path in
            let descriptor = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            guard descriptor >= 0 else { return .failed(errno) }
            defer { close(descriptor) }
            var status = stat()
            guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return .failed(ENXIO) }
            return withPieces { pieces, count, length in
                guard length <= Int(PIPE_BUF) else { return .failed(EMSGSIZE) }
                return writev(descriptor, pieces, count) < 0 ? .failed(errno) : .done
            }
        }
    }

    /// As one datagram, to a unix socket.
    func send(toSocket path: apus_str, from descriptor: Int32) -> Delivery {
        var address = sockaddr_un()
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.len > 0, path.len < capacity, path.index(of: 0) == nil else { return .failed(ENAMETOOLONG) }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: UnsafeRawBufferPointer(path.bytes)) }
        return withUnsafeMutablePointer(to: &address) { address in
            withPieces { pieces, count, _ in
                var message = msghdr()
                message.msg_name = UnsafeMutableRawPointer(address)
                message.msg_namelen = socklen_t(MemoryLayout<sockaddr_un>.size)
                message.msg_iov = pieces
                message.msg_iovlen = Int(count)
                let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
                if sendmsg(descriptor, &message, flags) >= 0 { return .done }
                return errno == EAGAIN || errno == ENOBUFS ? .full : .failed(errno)
            }
        }
    }

    /// The description as it goes out, with the line end behind the body.
    private func withPieces(
        _ body: (UnsafeMutablePointer<iovec>, Int32, Int) -> Delivery
    ) -> Delivery {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: 3) { pieces in
            pieces[0] = Description.piece(lines)
            pieces[1] = Description.piece(self.body)
            pieces[2] = Description.piece("\n")
            let start = pieces.baseAddress.unsafelyUnwrapped
            return self.body.isEmpty ? body(start, 1, lines.len) : body(start, 3, lines.len + self.body.len + 1)
        }
    }

    private static func piece(_ text: apus_str) -> iovec {
        iovec(iov_base: UnsafeMutableRawPointer(mutating: text.s.map { UnsafeRawPointer($0) }), iov_len: text.len)
    }

    private func withPath(_ path: apus_str, _ body: (UnsafePointer<CChar>) -> Delivery) -> Delivery {
        guard path.len > 0, path.len < Int(PATH_MAX), path.index(of: 0) == nil, let source = path.s else {
            return .failed(ENAMETOOLONG)
        }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: path.len + 1) { buffer in
            let start = buffer.baseAddress.unsafelyUnwrapped
            start.update(from: source, count: path.len)
            start[path.len] = 0
            return body(start)
        }
    }
}

extension UnsafeMutablePointer<Home> {
    /// The worker's socket for datagrams to applications; nil when the system has none.
    var applicationSocket: Int32? {
        if pointee.applicationDescriptor < 0 {
            let type = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
            pointee.applicationDescriptor = socket(AF_UNIX, type, 0)
        }
        return pointee.applicationDescriptor < 0 ? nil : pointee.applicationDescriptor
    }
}

/// Text of an errno.
func errorText(_ code: Int32) -> String { strerror(code).map { String(cString: $0) } ?? "error \(code)" }
