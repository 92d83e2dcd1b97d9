// What operators' clients send: binrpc packets and JSON texts, each of the whole input. What is read is written and read again.
import Glibc

@c(LLVMFuzzerTestOneInput)
public func fuzzControl(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size < 30_000 else { return 0 }
    let bytes = UnsafeBufferPointer(start: data, count: size)
    packet(bytes)
    json(bytes)
    return 0
}

private func packet(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let (header, size) = try? PacketHeader.read(bytes) else { return }
    precondition(size <= PacketHeader.maxSize && size <= bytes.count && header.bodySize >= 0)
    let body = UnsafeBufferPointer(rebasing: bytes[size..<min(bytes.count, size + header.bodySize)])
    _ = try? Packet.readFault(body)
    guard let (command, arguments) = try? Packet.readRequest(body) else { return }
    let made = Packet.request(command, arguments, cookie: header.cookie)
    guard let (again, start) = try? PacketHeader.read(made), again.cookie == header.cookie,
        let (name, values) = try? Packet.readRequest(made[start...])
    else { fatalError("what was written is not read") }
    precondition(name == command && values.count == arguments.count)
}

private func json(_ bytes: UnsafeBufferPointer<UInt8>) {
    let found = JSONFraming.find(bytes)
    if case .end(let end) = found { precondition(end <= bytes.count) }
    guard let value = try? JSONReader.read(bytes) else { return }
    switch value {
    case .array, .object:
        guard case .end = found else { fatalError("the end of a text is not found") }
    default: precondition(found == .none)
    }
    for pretty in [false, true] {
        var writer = JSONWriter(pretty: pretty)
        writer.value(value, key: JSONWriter.none)
        guard let again = try? JSONReader.read(writer.out) else { fatalError("what was written is not read") }
        precondition(again == value)
    }
}
