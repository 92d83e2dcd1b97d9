import PluginAPI

/// `{s.encode.…}`, `{s.decode.…}`. A text that is not in the code fails.
extension Transformations {
    static func declareCodecs(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.encode.hexa") {
            $0.onText($1, $2) { call, text in call.compose(2 * text.count) { $0.write(hex: text) } }
        }
        try declare.operation("s.decode.hexa") { $0.onText($1, $2) { $0.decodeHex($1) } }
        try declare.operation("s.encode.7bit") { $0.onText($1, $2) { $0.encodeSevenBit($1) } }
        try declare.operation("s.decode.7bit") { $0.onText($1, $2) { $0.decodeSevenBit($1) } }
        try declare.operation("s.encode.base58") { $0.onText($1, $2) { $0.encodeBase58($1) } }
        try declare.operation("s.decode.base58") { $0.onText($1, $2) { $0.decodeBase58($1) } }
        try declareBase64(declare)
    }

    private static func declareBase64(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.encode.base64") {
            $0.onText($1, $2) { $0.encodeBase64($1, isURL: false, isPadded: true) }
        }
        try declare.operation("s.encode.base64t") {
            $0.onText($1, $2) { $0.encodeBase64($1, isURL: false, isPadded: false) }
        }
        try declare.operation("s.encode.base64url") {
            $0.onText($1, $2) { $0.encodeBase64($1, isURL: true, isPadded: true) }
        }
        try declare.operation("s.encode.base64urlt") {
            $0.onText($1, $2) { $0.encodeBase64($1, isURL: true, isPadded: false) }
        }
        try declare.operation("s.decode.base64") {
            $0.onText($1, $2) { $0.decodeBase64($1, isURL: false, isPadded: true) }
        }
        try declare.operation("s.decode.base64t") {
            $0.onText($1, $2) { $0.decodeBase64($1, isURL: false, isPadded: false) }
        }
        try declare.operation("s.decode.base64url") {
            $0.onText($1, $2) { $0.decodeBase64($1, isURL: true, isPadded: true) }
        }
        try declare.operation("s.decode.base64urlt") {
            $0.onText($1, $2) { $0.decodeBase64($1, isURL: true, isPadded: false) }
        }
    }
}

extension TransformationCall {
    fileprivate func decodeHex(_ text: Bytes) -> CInt {
        guard text.count % 2 == 0 else { return -1 }
        for index in 0..<text.count where text[index].hexValue == nil { return -1 }
        return compose(text.count / 2) { out in
            var at = 0
            while at < text.count {
                out.write(byte: (text[at].hexValue ?? 0) << 4 | (text[at + 1].hexValue ?? 0))
                at += 2
            }
        }
    }

    // MARK: - Seven bits

    /// Eight characters of seven bits in seven bytes, the first one lowest (3GPP TS 23.038), written in hexadecimal digits.
    fileprivate func encodeSevenBit(_ text: Bytes) -> CInt {
        compose((text.count * 7 + 7) / 8 * 2) { out in
            var bits: UInt32 = 0
            var count: UInt32 = 0
            for index in 0..<text.count {
                bits |= UInt32(text[index] & 0x7f) << count
                count += 7
                while count >= 8 {
                    out.write(capitalHex: UInt8(truncatingIfNeeded: bits))
                    bits >>= 8
                    count -= 8
                }
            }
            if count > 0 { out.write(capitalHex: UInt8(truncatingIfNeeded: bits)) }
        }
    }

    fileprivate func decodeSevenBit(_ text: Bytes) -> CInt {
        let length = text.count / 2
        for index in 0..<2 * length where text[index].hexValue == nil { return -1 }
        return compose(length * 8 / 7) { out in
            var bits: UInt32 = 0
            var count: UInt32 = 0
            for index in 0..<length {
                guard let high = text[2 * index].hexValue, let low = text[2 * index + 1].hexValue else {
                    return
                }
                bits |= UInt32(high << 4 | low) << count
                count += 8
                while count >= 7 {
                    // Seven bits that are left over at the end are padding.
                    if index == length - 1, count == 7, bits == 0 { return }
                    out.write(byte: UInt8(truncatingIfNeeded: bits & 0x7f))
                    bits >>= 7
                    count -= 7
                }
            }
        }
    }

    // MARK: - Base 64

    fileprivate func encodeBase64(_ text: Bytes, isURL: Bool, isPadded: Bool) -> CInt {
        let digits = Base64.digits(isURL: isURL)
        return compose((text.count + 2) / 3 * 4) { out in
            var at = 0
            while at < text.count {
                let count = min(3, text.count - at)
                var word: UInt32 = 0
                for offset in 0..<3 { word = word << 8 | (offset < count ? UInt32(text[at + offset]) : 0) }
                for place in 0..<4 {
                    if place <= count {
                        out.write(byte: digits.utf8Start[Int(word >> UInt32(18 - 6 * place) & 63)])
                    } else if isPadded {
                        out.write("=")
                    }
                }
                at += 3
            }
        }
    }

    fileprivate func decodeBase64(_ text: Bytes, isURL: Bool, isPadded: Bool) -> CInt {
        var rest = text
        while rest.last == UInt8(ascii: "="), text.count - rest.count < 2 { rest = rest.prefix(rest.count - 1) }
        guard rest.count % 4 != 1, !isPadded || text.count % 4 == 0 else { return -1 }
        var isWrong = false
        let result = compose(rest.count * 3 / 4) { out in
            var bits: UInt32 = 0
            var count: UInt32 = 0
            for index in 0..<rest.count {
                guard let digit = Base64.value(of: rest[index], isURL: isURL) else {
                    isWrong = true
                    return
                }
                bits = bits << 6 | digit
                count += 6
                if count >= 8 {
                    count -= 8
                    out.write(byte: UInt8(truncatingIfNeeded: bits >> count))
                }
            }
        }
        return isWrong ? -1 : result
    }

    // MARK: - Base 58

    private static var base58: StaticString { "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz" }
    /// The work grows with the square of the length.
    private static var longestBase58: Int { 1024 }

    /// The bytes as one large number, in digits of base 58; each zero byte in front is a `1`.
    fileprivate func encodeBase58(_ text: Bytes) -> CInt {
        guard text.count <= TransformationCall.longestBase58 else { return -1 }
        return convert(text, from: 256, to: 58, room: text.count * 138 / 100 + 1) { byte in
            byte
        } digit: {
            TransformationCall.base58.utf8Start[Int($0)]
        }
    }

    fileprivate func decodeBase58(_ text: Bytes) -> CInt {
        let alphabet = Bytes(TransformationCall.base58)
        guard text.count <= TransformationCall.longestBase58 else { return -1 }
        for index in 0..<text.count where alphabet.firstIndex(of: text[index]) == nil { return -1 }
        return convert(text, from: 58, to: 256, room: text.count + 1) { byte in
            UInt8(truncatingIfNeeded: alphabet.firstIndex(of: byte) ?? 0)
        } digit: {
            $0
        }
    }

    /// Converts a number from one base to another; zeros in front stay as many as they are.
    private func convert(
        _ text: Bytes, from base: UInt32, to other: UInt32, room: Int, value: (UInt8) -> UInt8, digit: (UInt8) -> UInt8
    ) -> CInt {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { digits in
            // The lowest digit first.
            var count = 0
            var zeros = 0
            for index in 0..<text.count {
                var carry = UInt32(value(text[index]))
                if carry == 0, count == 0 { zeros += 1 }
                var place = 0
                while place < count || carry > 0 {
                    if place < count { carry += UInt32(digits[place]) * base }
                    digits[place] = UInt8(truncatingIfNeeded: carry % other)
                    carry /= other
                    place += 1
                }
                count = max(count, place)
            }
            return compose(zeros + count) { out in
                for _ in 0..<zeros { out.write(byte: digit(0)) }
                for place in (0..<count).reversed() { out.write(byte: digit(digits[place])) }
            }
        }
    }
}

/// RFC 4648 §4 and §5.
enum Base64 {
    static func digits(isURL: Bool) -> StaticString {
        isURL
            ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    }

    static func value(of digit: UInt8, isURL: Bool) -> UInt32? {
        switch digit {
        case 0x41...0x5a: UInt32(digit - 0x41)
        case 0x61...0x7a: UInt32(digit - 0x61) + 26
        case 0x30...0x39: UInt32(digit - 0x30) + 52
        case UInt8(ascii: "+") where !isURL, UInt8(ascii: "-") where isURL: 62
        case UInt8(ascii: "/") where !isURL, UInt8(ascii: "_") where isURL: 63
        default: nil
        }
    }
}
