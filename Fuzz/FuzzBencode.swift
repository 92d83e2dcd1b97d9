// What a media proxy answers: whole values are walked, and written again as they were; whatever comes first decides, however much more there is.

private nonisolated(unsafe) let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 1)

/// Reads everything in the value, and writes it.
private func copy(_ value: BencodedValue, _ writer: inout BencodeWriter) {
    switch value.kind {
    case .number:
        writer.number(value.number!)
        precondition(value.text == nil && value["a"] == nil)
    case .text:
        writer.text(value.text!)
        precondition(value.number == nil && Array(value.items).isEmpty)
    case .list, .dictionary:
        value.kind == .list ? writer.beginList() : writer.beginDictionary()
        var count = 0
        for item in value.items {
            precondition(value.kind == .list || count % 2 == 1 || item.kind == .text, "a key is a text")
            copy(item, &writer)
            count += 1
        }
        precondition(value.kind == .list || count % 2 == 0, "keys have values")
        writer.end()
        _ = value["result"]?.text
        _ = value["totals"]?["RTP"]?["packets"]?.number
    }
}

@c(LLVMFuzzerTestOneInput)
public func fuzzBencode(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    guard case .whole(let count) = Bencode.scan(bytes) else { return 0 }
    let first = UnsafeRawBufferPointer(rebasing: bytes[..<count])
    guard let value = Bencode.read(first) else { fatalError("a whole value is read") }
    precondition((Bencode.read(bytes) == nil) == (count < size), "nothing is left over")
    for cut in [count - 1, count / 2] where cut < count {
        precondition(Bencode.scan(UnsafeRawBufferPointer(rebasing: bytes[..<cut])) == .unfinished)
    }
    var writer = BencodeWriter(room)
    copy(value, &writer)
    precondition(writer.overflowed || writer.bytes.elementsEqual(first), "there is one way to write a value")
    return 0
}
