// A session description; and the input as a multipart body, whose boundary is its first line.
@c(LLVMFuzzerTestOneInput)
public func fuzzSDP(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data else { return 0 }
    let text = Bytes(data, size)
    _ = readEverything(SDP(text))
    let line = text.lineBreak(from: 0)
    guard line > 2, line < 72 else { return 0 }
    var parts = 0
    for part in Multipart(text, boundary: text[2..<line]) {
        precondition(text.contains(part.body) || part.body.isEmpty)
        _ = part.contentType?.boundary
        parts += 1
    }
    precondition(parts <= Limits.multipartParts)
    return 0
}
