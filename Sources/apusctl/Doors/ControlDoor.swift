import BinRPC
import Glibc

/// A connection to the module `ctl`: commands go out, their values come back, one after the other.
final class ControlDoor {
    let address: ControlAddress
    private let wire: Wire
    private var received: [UInt8] = []
    private var cookie: UInt32

    /// More bytes than any answer of a server has.
    private static let maxBody = 1 << 30

    /// - Parameter timeout: milliseconds.
    init(_ address: ControlAddress, timeout: Int) throws(Wire.Trouble) {
        self.address = address
        wire = try Wire(address, until: monotonicMilliseconds() + timeout)
        // What an earlier client has left in the server does not fit.
        cookie = UInt32.random(in: 1...UInt32.max)
    }

    /// Executes a command.
    /// - Parameter timeout: milliseconds for the whole of it.
    /// - Throws: `refused` with the server's code and text.
    func call(_ command: String, _ arguments: [RPCValue] = [], timeout: Int) throws(Failure) -> [RPCValue] {
        let deadline = monotonicMilliseconds() + timeout
        cookie &+= 1
        do {
            try wire.send(Packet.request(command.utf8, arguments, cookie: cookie), until: deadline)
            while true {
                let (header, body) = try packet(until: deadline)
                // An answer to a command that ran out of time.
                guard header.cookie == cookie else { continue }
                return try values(header, body)
            }
        } catch let fault as ReadFault {
            throw .refused("\(address) does not speak binrpc: \(fault)")
        } catch let failure as Failure {
            throw failure
        } catch Wire.Trouble.timeout {
            throw .timeout("\(address) has not answered \(command) within \(ControlDoor.seconds(timeout))")
        } catch Wire.Trouble.closed {
            throw .unreachable("\(address) has closed the connection without an answer to \(command)")
        } catch Wire.Trouble.system(let code) {
            throw .unreachable("\(address): \(systemError(code))")
        } catch {
            throw .refused("\(error)")
        }
    }

    private func values(_ header: PacketHeader, _ body: [UInt8]) throws -> [RPCValue] {
        switch header.kind {
        case .request: throw ReadFault.unknownKind(header.kind.rawValue)
        case .reply:
            var reader = RecordReader(body)
            return try reader.all()
        case .fault:
            let fault = try Packet.readFault(body)
            throw Failure.refused(code: fault.code, text: String(decoding: fault.text, as: UTF8.self))
        }
    }

    private func packet(until deadline: Int) throws -> (PacketHeader, [UInt8]) {
        while true {
            if let (header, size) = try PacketHeader.read(received) {
                guard header.bodySize <= ControlDoor.maxBody else { throw ReadFault.notBinRPC }
                if received.count - size >= header.bodySize {
                    let body = Array(received[size..<size + header.bodySize])
                    received.removeFirst(size + header.bodySize)
                    return (header, body)
                }
            }
            try wire.receive(into: &received, until: deadline)
        }
    }

    /// "10 s", "0.5 s"
    static func seconds(_ milliseconds: Int) -> String {
        milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(Double(milliseconds) / 1000) s"
    }
}
