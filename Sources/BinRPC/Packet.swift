/// Whole packets, as the two ends send them.
public enum Packet {
    /// A command and its arguments.
    public static func request(_ command: some Collection<UInt8>, _ arguments: [RPCValue], cookie: UInt32) -> [UInt8] {
        var writer = RecordWriter()
        writer.text(command)
        for argument in arguments { writer.value(argument) }
        return packet(.request, writer.bytes, cookie: cookie)
    }

    /// The answer to the request with this cookie.
    /// - Parameter records: of a `RecordWriter`, less than 4 GiB.
    public static func reply(_ records: [UInt8], cookie: UInt32) -> [UInt8] { packet(.reply, records, cookie: cookie) }

    /// What a request gets that failed.
    public static func fault(_ code: Int64, _ text: some Collection<UInt8>, cookie: UInt32) -> [UInt8] {
        var writer = RecordWriter()
        writer.int(code)
        writer.text(text)
        return packet(.fault, writer.bytes, cookie: cookie)
    }

    /// The command's name and the arguments in the body of a request.
    public static func readRequest(
        _ body: some RandomAccessCollection<UInt8>
    ) throws(ReadFault) -> (command: [UInt8], arguments: [RPCValue]) {
        var reader = RecordReader(body)
        guard case .text(let command) = try reader.next() else { throw .noSubject }
        return (command, try reader.all())
    }

    /// The code and text in the body of a fault.
    public static func readFault(
        _ body: some RandomAccessCollection<UInt8>
    ) throws(ReadFault) -> (code: Int64, text: [UInt8]) {
        var reader = RecordReader(body)
        guard case .int(let code) = try reader.next(), case .text(let text) = try reader.next() else {
            throw .noSubject
        }
        return (code, text)
    }

    private static func packet(_ kind: PacketHeader.Kind, _ records: [UInt8], cookie: UInt32) -> [UInt8] {
        PacketHeader(kind: kind, cookie: cookie, bodySize: records.count).bytes + records
    }
}
