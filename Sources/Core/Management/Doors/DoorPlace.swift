import CLinux
import Glibc

// Invariants: cold code. A file that was made here is known by its device and inode: nothing else is ever removed at the end.

/// Where operators come in: a file or an address.
struct DoorPlace: Sendable {
    enum Kind: UInt32, Sendable {
        case fifo = 1
        case unixStream = 2
        case unixDatagram = 3
        case tcp = 4
        case udp = 5

        var name: String {
            switch self {
            case .fifo: "fifo"
            case .unixStream: "unixs"
            case .unixDatagram: "unixd"
            case .tcp: "tcp"
            case .udp: "udp"
            }
        }
    }

    var kind: Kind
    /// A path, or an address: brackets around IPv6, `*` for all, `localhost`.
    var name: String
    var port: UInt16 = 0
    /// Of a file; nil: 0600, or 0660 when there is a group.
    var mode: mode_t?
    /// Names or numbers; nil: the server's own.
    var user: String?
    var group: String?
    /// Addresses other than loopback are allowed.
    var isPublic = false

    var isFile: Bool { kind.rawValue <= Kind.unixDatagram.rawValue }

    var text: String { isFile ? "\(kind.name):\(name)" : "\(kind.name):\(name):\(port)" }

    /// Why a door stays shut.
    struct Refusal: Error {
        let text: String
    }

    /// What tells a file from any other.
    struct Identity: Equatable, Sendable {
        let device: dev_t
        let inode: ino_t

        init(_ facts: stat) { (device, inode) = (facts.st_dev, facts.st_ino) }
    }

    /// An open door: non-blocking, closed by exec.
    struct Opened {
        let descriptor: Int32
        /// Of its file.
        let identity: Identity?
    }

    func open() throws(Refusal) -> Opened {
        isFile ? try openFile() : Opened(descriptor: try openAddress(), identity: nil)
    }

    /// Takes the file away, if it still is the one that was opened.
    func remove(_ identity: Identity?) {
        if let identity, let facts = DoorPlace.facts(name), Identity(facts) == identity { unlink(name) }
    }

    /// The file that is there now.
    var presentIdentity: Identity? { DoorPlace.facts(name).map { Identity($0) } }

    // MARK: - Addresses

    private func openAddress() throws(Refusal) -> Int32 {
        guard let address = address else { throw Refusal(text: "\(text): `\(name)` is no IP address") }
        guard isPublic || address.isLoopback else {
            throw Refusal(
                text: "\(text) is no loopback address: whoever reaches it commands the server; it has to be allowed")
        }
        var descriptor: Int32 = -1
        do throws(SystemError) {
            let family = address.isV4 ? AF_INET : AF_INET6
            descriptor = try Syscalls.socket(family, kind == .tcp ? .stream : .datagram)
            if kind == .tcp { try Syscalls.setOption(descriptor, Int(SOL_SOCKET), SO_REUSEADDR, 1) }
            try Syscalls.bind(descriptor, address)
            if kind == .tcp, listen(descriptor, 128) != 0 { throw SystemError(code: errno) }
        } catch {
            if descriptor >= 0 { close(descriptor) }
            throw Refusal(text: "\(text): \(error.text)")
        }
        return descriptor
    }

    private var address: SocketAddress? {
        switch name {
        case "*": SocketAddress("0.0.0.0", port: port)
        case "localhost": SocketAddress("127.0.0.1", port: port)
        default: SocketAddress(name, port: port)
        }
    }

    // MARK: - Files

    private func openFile() throws(Refusal) -> Opened {
        guard !name.isEmpty, !name.utf8.contains(0), kind == .fifo || name.utf8.count < 108 else {
            throw Refusal(text: "\(text): the path is empty or too long")
        }
        try checkFolder()
        let owner = try user.map { (name) throws(Refusal) in try DoorPlace.userID(name) } ?? geteuid()
        let group = try group.map { (name) throws(Refusal) in try DoorPlace.groupID(name) }
        try removeStale(owner: owner)
        // Nobody else may come in before owner and mode are set.
        let mask = umask(0o177)
        defer { umask(mask) }
        let descriptor = kind == .fifo ? try makeFIFO() : try makeSocket()
        do throws(Refusal) {
            guard let facts = DoorPlace.facts(name) else { throw failure() }
            if owner != facts.st_uid || (group ?? facts.st_gid) != facts.st_gid {
                guard lchown(name, owner, group ?? gid_t.max) == 0 else { throw failure("its owner cannot be set") }
            }
            guard chmod(name, mode ?? (group == nil ? 0o600 : 0o660)) == 0 else {
                throw failure("its mode cannot be set")
            }
            return Opened(descriptor: descriptor, identity: Identity(facts))
        } catch {
            close(descriptor)
            unlink(name)
            throw error
        }
    }

    /// A folder in which everybody may replace files is no place for a door.
    private func checkFolder() throws(Refusal) {
        let parts = name.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = parts.map { $0 == name.startIndex ? "/" : String(name[..<$0]) } ?? "."
        var facts = stat()
        guard stat(folder, &facts) == 0 else { throw Refusal(text: "\(text): folder \(folder): \(DoorPlace.reason)") }
        if facts.st_mode & 0o002 != 0, facts.st_mode & mode_t(S_ISVTX) == 0 {
            throw Refusal(text: "\(text): everybody may replace files in \(folder)")
        }
    }

    /// Removes what an earlier server has left, and nothing else.
    private func removeStale(owner: uid_t) throws(Refusal) {
        guard let facts = DoorPlace.facts(name) else {
            if errno == ENOENT { return }
            throw failure()
        }
        let type = facts.st_mode & S_IFMT
        guard type == (kind == .fifo ? S_IFIFO : S_IFSOCK) else {
            let what = type == S_IFLNK ? "a symbolic link" : type == S_IFDIR ? "a folder" : "another kind of file"
            throw Refusal(text: "\(text): there is \(what): it is not replaced")
        }
        guard facts.st_uid == geteuid() || facts.st_uid == owner else {
            throw Refusal(text: "\(text): the file that is there belongs to user \(facts.st_uid): it is not replaced")
        }
        guard facts.st_nlink == 1 else { throw Refusal(text: "\(text): the file that is there has several names") }
        guard !isServed else { throw Refusal(text: "\(text): another process serves it") }
        guard unlink(name) == 0 || errno == ENOENT else { throw failure("it cannot be replaced") }
    }

    /// Somebody reads the FIFO or the socket that is there.
    private var isServed: Bool {
        if kind == .fifo {
            let probe = Glibc.open(name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
            guard probe >= 0 else { return false }
            close(probe)
            return true
        }
        guard let probe = try? Syscalls.socket(AF_UNIX, kind == .unixStream ? .stream : .datagram) else { return true }
        defer { close(probe) }
        do throws(SystemError) { try Syscalls.connect(probe, path: name) } catch {
            return error.code != ECONNREFUSED && error.code != ENOENT
        }
        return true
    }

    private func makeFIFO() throws(Refusal) -> Int32 {
        guard mkfifo(name, 0o600) == 0 else { throw failure() }
        // Open for writing too, so that it never comes to an end.
        let descriptor = Glibc.open(name, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
        var facts = stat()
        guard descriptor >= 0, fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFIFO,
            facts.st_uid == geteuid(), facts.st_nlink == 1
        else {
            let refusal = failure("it was replaced while it was made")
            if descriptor >= 0 { close(descriptor) }
            throw refusal
        }
        return descriptor
    }

    private func makeSocket() throws(Refusal) -> Int32 {
        var descriptor: Int32 = -1
        do throws(SystemError) {
            descriptor = try Syscalls.socket(AF_UNIX, kind == .unixStream ? .stream : .datagram)
            try Syscalls.bind(descriptor, path: name)
            if kind == .unixStream, listen(descriptor, 128) != 0 { throw SystemError(code: errno) }
        } catch {
            if descriptor >= 0 { close(descriptor) }
            throw Refusal(text: "\(text): \(error.text)")
        }
        return descriptor
    }

    private func failure(_ what: String? = nil) -> Refusal {
        Refusal(text: "\(text): " + (what.map { "\($0): " } ?? "") + DoorPlace.reason)
    }

    private static var reason: String { SystemError(code: errno).text }

    /// Of the file itself, not of what a link leads to.
    static func facts(_ path: String) -> stat? {
        var facts = stat()
        return lstat(path, &facts) == 0 ? facts : nil
    }

    private static func userID(_ name: String) throws(Refusal) -> uid_t {
        if let number = uid_t(name) { return number }
        guard let entry = getpwnam(name) else { throw Refusal(text: "there is no user `\(name)`") }
        return entry.pointee.pw_uid
    }

    private static func groupID(_ name: String) throws(Refusal) -> gid_t {
        if let number = gid_t(name) { return number }
        guard let entry = getgrnam(name) else { throw Refusal(text: "there is no group `\(name)`") }
        return entry.pointee.gr_gid
    }
}
