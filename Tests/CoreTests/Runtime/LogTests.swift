import CLinux
import Glibc
import Testing

@testable import Core

private func compose(capacity: Int = 256, _ body: (inout LogLine) -> Void) -> String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { buffer in
        var line = LogLine(buffer.baseAddress!, capacity: capacity)
        body(&line)
        return line.bytes.string
    }
}

@Suite struct LogLineTests {
    @Test func escapesWhatComesFromTheNetwork() {
        let text = compose {
            $0.add(Bytes("a\r\n 0(1) ALERT: forged\t\u{1B}[2J\u{7F}\u{0}é\u{85}"))
        }
        #expect(text == "a\\r\\n 0(1) ALERT: forged\\t\\x1b[2J\\x7f\\x00é\\xc2\\x85")
    }

    @Test func keepsLinesWhereAskedTo() {
        #expect(compose { $0.add(Bytes("a\r\nb\tc\rd\u{1B}"), keepingLines: true) } == "a\r\nb\tc\\rd\\x1b")
    }

    @Test func addsNumbersAndAddresses() throws {
        let address = try #require(SocketAddress("::1", port: 5060))
        let text = compose {
            $0.add(0)
            $0.addByte(0x20)
            $0.add(Int.min)
            $0.addByte(0x20)
            $0.add(unsigned: UInt64.max)
            $0.addByte(0x20)
            $0.add(address)
        }
        #expect(text == "0 -9223372036854775808 18446744073709551615 [::1]:5060")
    }

    @Test func endsInOneLineFeed() {
        #expect(
            compose {
                $0.add("text\n\r\n")
                $0.finish()
            } == "text\n")
        #expect(compose { $0.finish() } == "\n")
    }

    @Test(arguments: 1...40) func cutsWhatIsTooLong(length: Int) {
        let text = compose(capacity: 20) {
            for _ in 0..<length { $0.addByte(UInt8(ascii: "x")) }
            $0.finish()
        }
        #expect(text.utf8.count <= 20)
        #expect(text.last == "\n")
        #expect(text.contains("...") == (length > 20))
    }

    @Test func headNamesWorkerProcessAndLevel() {
        var thread = linux_thread()
        thread.number = 3
        let prefix = Bytes("{call} ")
        thread.prefix = prefix.start
        thread.prefix_length = 7
        #expect(compose { Log.writeHead(&$0, .error, &thread) } == " 3(\(getpid())) ERROR: {call} ")
        thread.number = 12
        thread.prefix = nil
        #expect(compose { Log.writeHead(&$0, .critical2, &thread) } == "12(\(getpid())) CRITICAL: ")
    }
}

@Suite struct LogLimiterTests {
    @Test func printsTenASecondForOneSource() {
        let limiter = LogLimiter()
        defer { limiter.free() }
        var printed = 0
        for _ in 0..<50 where limiter.judge("bad", source: 7, second: 1) == .print(heldBack: 0) { printed += 1 }
        #expect(printed == 10)
        #expect(limiter.judge("bad", source: 8, second: 1) == .print(heldBack: 0))
        #expect(limiter.judge("worse", source: 7, second: 1) == .print(heldBack: 0))
        #expect(limiter.judge("bad", source: 7, second: 2) == .print(heldBack: 40))
        #expect(limiter.judge("bad", source: 7, second: 2) == .print(heldBack: 0))
    }

    @Test func boundsWhatManySourcesCause() {
        let limiter = LogLimiter()
        defer { limiter.free() }
        var printed = 0
        for source in 1...5000 where limiter.judge("flood", source: UInt64(source), second: 1) != .holdBack {
            printed += 1
        }
        #expect(printed == 100)
    }

    @Test func tellsWhatNobodyRepeated() {
        let limiter = LogLimiter()
        defer { limiter.free() }
        for _ in 0..<35 { _ = limiter.judge("bad", source: 7, second: 1) }
        var told: [UInt64] = []
        limiter.flush(second: 1) { _, count in told.append(count) }
        #expect(told.isEmpty)
        limiter.flush(second: 2) { text, count in
            #expect(Bytes(text, 3).string == "bad")
            told.append(count)
        }
        #expect(told == [25])
        limiter.flush(second: 3) { _, count in told.append(count) }
        #expect(told == [25])
    }
}

@Suite struct LogSinkTests {
    /// A reader that does not read must never stop a worker: lines are dropped, counted, and told of later.
    @Test func dropsAndCountsWhenThePipeIsFull() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { Syscalls.close(ends[0]) }
        let sink = try LogSink.descriptor(ends[1])
        #expect(fcntl(ends[1], F_GETFL) & O_NONBLOCK == 0, "the other users' descriptor stays blocking")
        Syscalls.close(ends[1])
        let line = Bytes("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n")
        var written = 0
        while sink.pendingDrops == 0 {
            sink.write(line)
            written += 1
        }
        for _ in 0..<9 { sink.write(line) }
        #expect(sink.pendingDrops == 10)
        var buffer = [UInt8](repeating: 0, count: 65536)
        #expect(Syscalls.read(ends[0], &buffer, buffer.count) > 0)
        sink.write(line)
        #expect(sink.pendingDrops == 0)
        var rest = ""
        let status = fcntl(ends[0], F_GETFL)
        #expect(fcntl(ends[0], F_SETFL, status | O_NONBLOCK) == 0)
        while case let count = Syscalls.read(ends[0], &buffer, buffer.count), count > 0 {
            rest += String(decoding: buffer[0..<count], as: UTF8.self)
        }
        #expect(rest.hasSuffix("(10 log lines dropped: the reader was too slow)\n"))
    }

    @Test func speaksToSyslog() throws {
        let path = "/tmp/apus-log-test-\(getpid()).sock"
        unlink(path)
        let server = try Syscalls.socket(AF_UNIX, .datagram)
        defer {
            Syscalls.close(server)
            unlink(path)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(server, $0, UInt32(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        let sink = try LogSink.syslog(path: path)
        sink.write(Bytes("<27>apus[1]: ERROR: x\n"))
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = Syscalls.read(server, &buffer, buffer.count)
        #expect(String(decoding: buffer[0..<max(count, 0)], as: UTF8.self) == "<27>apus[1]: ERROR: x\n")
    }
}
