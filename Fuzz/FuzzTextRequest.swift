// Requests of the text protocols, in both dialects: what is read does not depend on the pieces in which bytes come, and whatever came before, the
// next request is understood.
import Glibc

private let shapes = ["", "line", "line blank line lines body", "line line line line lines body?", "lines", "rest"]

private func reader(_ dialect: Dialect) -> RequestReader {
    // The command's first letter chooses its shape; some have none.
    RequestReader(dialect) { name in
        let index = Int(name[0]) % (shapes.count + 1)
        return index < shapes.count ? ArgumentPart.parse(shapes[index]) : nil
    }
}

/// What a FIFO's reader makes of bytes that come in pieces of a size.
private func read(_ data: UnsafeRawBufferPointer, _ dialect: Dialect, pieces: Int) -> [RequestReader.Outcome] {
    var reader = reader(dialect)
    var found: [RequestReader.Outcome] = []
    var from = 0
    var to = 0
    while to < data.count {
        to = min(to + pieces, data.count)
        let used = reader.read(UnsafeRawBufferPointer(rebasing: data[from..<to])) { found.append($0) }
        precondition(used <= to - from)
        from += used
    }
    let rest = UnsafeRawBufferPointer(rebasing: data[from...])
    switch data.count % 3 {
    case 0: reader.end(.datagram, rest) { found.append($0) }
    case 1: reader.end(.tooSlow, rest) { found.append($0) }
    default:
        reader.end(.tooLarge, rest) { found.append($0) }
        reader.forget()
    }
    let before = found.count
    var next = Array(":\u{2F}x:file\n\n".utf8)
    // A name whose shape is none.
    next[1] = UInt8(shapes.count * 7 + shapes.count)
    let used = next.withUnsafeBytes { reader.read($0) { found.append($0) } }
    precondition(used == next.count && found.count == before + 1, "the next request is understood")
    if case .refused = found[before] { fatalError("the next request is understood") }
    return found
}

@c(LLVMFuzzerTestOneInput)
public func fuzzTextRequest(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    for dialect in [Dialect.ser, .mi, .ctl] {
        let whole = read(bytes, dialect, pieces: max(1, size))
        precondition(whole == read(bytes, dialect, pieces: 1 + size / 7), "pieces make no difference")
        for case .request(let request) in whole {
            precondition(!request.name.isEmpty && request.replyFile?.contains("/") != true)
        }
    }
    var writer = TreeWriter()
    writer.value(bytes, key: "key".utf8)
    precondition(writer.take().count { $0 == 0x0A } == 1, "a text is one line")
    return 0
}
