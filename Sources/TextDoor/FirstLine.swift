/// `:command:reply file`, the line that begins a request.
enum FirstLine {
    enum Fault: String, Error {
        case tooLong = "it is longer than 512 bytes"
        case tooShort = "it is too short"
        case noColon = "it has no colon at its beginning"
        case noSecondColon = "it has no second colon"
        case noName = "it names no command"
        case forbiddenFile = "a reply file is a plain name without dots and slashes"
    }

    static func read(_ text: [UInt8]) throws(Fault) -> TextRequest {
        guard text.count <= RequestReader.maxLine else { throw .tooLong }
        guard text.count >= 3 else { throw .tooShort }
        guard text[0] == 0x3A else { throw .noColon }
        guard let colon = text[1...].firstIndex(of: 0x3A) else { throw .noSecondColon }
        guard colon > 1 else { throw .noName }
        let file = text[(colon + 1)...]
        guard file.allSatisfy(isPlain), file.count <= 255 else { throw .forbiddenFile }
        return TextRequest(
            name: Array(text[1..<colon]), replyFile: file.isEmpty ? nil : String(decoding: file, as: UTF8.self))
    }

    /// May stand in the name of a reply file.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: ".") && byte != UInt8(ascii: "/")
            && byte != UInt8(ascii: "\\")
    }
}

/// `value` or `name::value`, as it stands in a line of a request of the management interface.
enum MIValue {
    /// Where the value begins: behind `name::`, when there is one.
    static func start(in text: [UInt8]) -> Int {
        let name = text.prefix { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        let rest = text[name.endIndex...]
        guard !name.isEmpty, rest.starts(with: [0x3A, 0x3A]) else { return 0 }
        return rest.dropFirst(2).firstIndex { $0 != 0x20 && $0 != 0x09 } ?? text.count
    }

    /// Reads on in quotes; `\"`, `\\`, `\r` and `\n` stand for one byte.
    /// - Returns: the place behind the closing quote; nil when it is not in the text.
    static func unquote(_ text: ArraySlice<UInt8>, into value: inout [UInt8]) -> Int? {
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            index += 1
            if byte == 0x22 { return index }
            guard byte == 0x5C, index < text.endIndex else {
                value.append(byte)
                continue
            }
            switch text[index] {
            case 0x22, 0x5C: value.append(text[index])
            case UInt8(ascii: "r"): value.append(0x0D)
            case UInt8(ascii: "n"): value.append(0x0A)
            default: value += [byte, text[index]]
            }
            index += 1
        }
        return nil
    }
}
