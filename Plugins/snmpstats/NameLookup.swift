import Glibc
import Synchronization

// Invariants: a thread and whoever made the lookup hold it, each until it needs it no more; `answer` is the thread's until `done` is readable. The thread is
// never waited for: getaddrinfo(3) cannot be told to stop, and asks dead servers for as long as resolv.conf(5) says.

/// The addresses of a name, as this machine has it: files, DNS.
final class NameLookup: Sendable {
    struct Address: Sendable {
        let family: Int32
        let storage: sockaddr_storage
        let length: socklen_t
    }

    let host: String
    let port: String
    private let answer = Mutex<Result<[Address], ConnectFailure>?>(nil)
    private let done: (read: Int32, write: Int32)

    /// Begins it.
    init(_ host: String, _ port: String) throws(ConnectFailure) {
        self.host = host
        self.port = port
        done = Pipe.make()
        var thread = pthread_t()
        let own = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { raw in
                let lookup = Unmanaged<NameLookup>.fromOpaque(raw.unsafelyUnwrapped).takeRetainedValue()
                let answer = lookup.find()
                lookup.answer.withLock { $0 = answer }
                var byte: UInt8 = 1
                _ = write(lookup.done.write, &byte, 1)
                return nil
            }, own.toOpaque())
        guard code == 0 else {
            own.release()
            throw ConnectFailure(code: code)
        }
        pthread_detach(thread)
    }

    deinit {
        close(done.read)
        close(done.write)
    }

    /// Waits, but no longer than so many milliseconds, and only until `wakeup` is readable; nil: it is still under way.
    func wait(milliseconds: Int32, wakeup: Int32) -> Result<[Address], ConnectFailure>? {
        var waited = [
            pollfd(fd: done.read, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&waited, 2, milliseconds)
        return answer.withLock { $0 }
    }

    /// On its thread.
    private func find() -> Result<[Address], ConnectFailure> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, port, &hints, &list)
        guard code == 0 else { return .failure(ConnectFailure(String(cString: gai_strerror(code)))) }
        defer { freeaddrinfo(list) }
        var all: [Address] = []
        var next = list
        while let one = next {
            next = one.pointee.ai_next
            guard let address = one.pointee.ai_addr else { continue }
            var storage = sockaddr_storage()
            withUnsafeMutableBytes(of: &storage) {
                $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(one.pointee.ai_addrlen)))
            }
            all.append(Address(family: one.pointee.ai_family, storage: storage, length: one.pointee.ai_addrlen))
        }
        return .success(all)
    }
}
