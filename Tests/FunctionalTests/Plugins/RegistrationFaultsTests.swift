import Glibc
import Testing

/// What becomes of registrations when the server is killed, and when the database is locked or its disk is full.
@Suite struct RegistrationFaultsTests {
    /// Killed in the midst of a thousand registrations a second: whoever was answered 200 is there afterwards.
    @Test func killedInTheMidst() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        var confirmed: Set<String> = []
        var sent = 0
        do {
            let desk = try PhoneDesk(folder, [#""usrloc", "db_mode", 1"#], database: file)
            let client = try UDPClient()
            func listen() {
                while let (bytes, _) = client.datagram(within: .zero) {
                    let reply = SIPText(String(decoding: bytes, as: UTF8.self))
                    if reply.statusCode == 200, let id = reply.header("Call-ID") { confirmed.insert(id) }
                }
            }
            let begun = ContinuousClock.now
            while sent < 3000, confirmed.count < 1500 || sent < 1500 {
                while ContinuousClock.now < begun + .milliseconds(sent) { listen() }
                try client.send(PhoneDesk.request("user\(sent)", from: client.address, []), to: desk.server.port)
                sent += 1
                listen()
            }
            desk.server.signal(SIGKILL)
            _ = desk.server.wait()
            listen()
        }
        let rows = Set(try sqlite(file, "SELECT username FROM location;").split(separator: "\n").map(String.init))
        #expect(!confirmed.isEmpty && rows.isSuperset(of: confirmed))
        let desk = try PhoneDesk(folder, [#""usrloc", "db_mode", 1"#], database: file)
        var found = 0
        for user in confirmed where try desk.isThere(user) { found += 1 }
        #expect(found == confirmed.count)
        #expect(try sqlite(file, "PRAGMA integrity_check;") == "ok\n")
        print(
            "kill -9: \(sent) sent, \(confirmed.count) answered 200, \(rows.count) rows, \(found) of the answered found again"
        )
    }

    /// Somebody else keeps the database locked for longer than a query may take.
    @Test(arguments: [1, 2, 3]) func lockedDatabase(mode: Int) throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        let desk = try PhoneDesk(
            folder, [#""usrloc", "db_mode", \#(mode)"#, #""usrloc", "timer_interval", 1"#], database: file)
        let client = try UDPClient()
        func register(_ user: String, _ cseq: Int) throws -> SIPText {
            let request = PhoneDesk.request(user, from: client.address, [], cseq: cseq)
            return try client.exchange(request, with: desk.server.port, within: .seconds(20))
        }
        #expect(try register("before", 1).statusCode == 200)
        #expect(until { (try? sqlite(file, "SELECT username FROM location;")) == "before\n" })
        do {
            let lock = try Child(
                "sh", ["-c", "(echo 'BEGIN EXCLUSIVE; SELECT 1;'; sleep 600) | sqlite3 '\(file)'"], folder: folder.path)
            defer { withExtendedLifetime(lock) {} }
            #expect(until { lock.output.contains("1") })
            let reply = try register("while", 1)
            #expect(reply.statusCode == (mode == 2 ? 200 : 500), "\(reply)")
            if mode != 3 {
                let isThere = (try desk.isThere("before"), try desk.isThere("while"))
                #expect(isThere == (true, mode == 2), "memory is as it was")
            }
        }
        #expect(try until { try register("after", Int.random(in: 1...1_000_000)).statusCode == 200 })
        let wanted = mode == 2 ? "after\nbefore\nwhile\n" : "after\nbefore\n"
        #expect(until { (try? sqlite(file, "SELECT username FROM location ORDER BY username;")) == wanted })
    }

    /// The disk is full: registrations are refused with the reason in the log, nothing is broken, and it goes on when there is room.
    @Test(.enabled(if: SmallDisk.canBeMade, "only root may make a small disk")) func fullDisk() throws {
        let folder = try TemporaryFolder()
        let disk = try SmallDisk(at: folder.path + "/disk", kilobytes: 700)
        let file = disk.path + "/contacts.db"
        try #require(rename(try UsrlocDesk.makeDatabase(folder), folder.path + "/made.db") == 0)
        #expect(try run("cp", [folder.path + "/made.db", file]).succeeded)
        let desk = try PhoneDesk(
            folder, [#""usrloc", "db_mode", 1"#, #""usrloc", "timer_interval", 1"#], database: file)
        let client = try UDPClient()
        func register(_ user: String, _ cseq: Int = 1) throws -> Int? {
            let request = PhoneDesk.request(user, from: client.address, [], cseq: cseq)
            return try client.exchange(request, with: desk.server.port, within: .seconds(20)).statusCode
        }
        var confirmed: [String] = []
        var refused: String?
        while refused == nil, confirmed.count < 5000 {
            let user = "user\(confirmed.count)"
            if try register(user) == 200 { confirmed.append(user) } else { refused = user }
        }
        let first = try #require(refused)
        #expect(confirmed.count > 10)
        #expect(try !desk.isThere(first) && desk.isThere(confirmed[0]))
        try desk.server.waitForLog("full")
        try disk.resize(kilobytes: 20_000)
        #expect(try until { try register(first, Int.random(in: 2...1_000_000)) == 200 })
        let rows = Set(try sqlite(file, "SELECT username FROM location;").split(separator: "\n").map(String.init))
        #expect(rows == Set(confirmed + [first]))
        #expect(try sqlite(file, "PRAGMA integrity_check;") == "ok\n")
        print(
            "disk full: \(confirmed.count) registrations fit, the next was refused, all are there with the next one when there is room"
        )
    }
}

/// A file system of its own that holds little.
private struct SmallDisk: ~Copyable {
    let path: String

    static let canBeMade: Bool = {
        guard geteuid() == 0, let folder = try? TemporaryFolder() else { return false }
        do {
            _ = try SmallDisk(at: folder.path + "/disk", kilobytes: 100)
            return true
        } catch { return false }
    }()

    init(at path: String, kilobytes: Int) throws {
        mkdir(path, 0o700)
        let result = try run("mount", ["-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", path])
        guard result.succeeded else { throw HarnessError(result.errors) }
        self.path = path
    }

    func resize(kilobytes: Int) throws {
        let result = try run("mount", ["-o", "remount,size=\(kilobytes)k", path])
        guard result.succeeded else { throw HarnessError(result.errors) }
    }

    deinit { _ = try? run("umount", ["-l", path]) }
}
