import Glibc
import PluginKit

/// A DNS record that is known from the start, on every worker.
struct KnownRecord {
    /// A and AAAA are numbers of DNS, as SRV is.
    var type: UInt32 = 0
    var name = ""
    var address = apus_address()
    var target = ""
    var priority: UInt16 = 0
    var weight: UInt16 = 0
    var port: UInt16 = 0
    var ttl: UInt32 = 3600
    var flags: UInt32 = 0

    /// What is wrong with a text.
    struct Mistake: Error {
        let text: String
    }

    /// `type=A;name=example.com;addr=192.0.2.1;ttl=3600;flags=2`
    init(_ text: apus_str, _ host: Host) throws(Mistake) {
        var target = apus_str()
        var rest = text
        while let item = rest.next(UInt8(ascii: ";")) {
            let item = item.trimmed
            guard !item.isEmpty else { continue }
            guard let equals = item.index(of: UInt8(ascii: "=")) else {
                throw Mistake(text: "`\(item.string)` has no value")
            }
            let (key, value) = (item[0..<equals].trimmed, item.dropFirst(equals + 1).trimmed)
            if key.equals("addr") { target = value } else { try set(key, value) }
        }
        guard type != 0 else { throw Mistake(text: "the type is missing: A, AAAA or SRV") }
        guard !name.isEmpty else { throw Mistake(text: "the name is missing") }
        guard flags & UInt32(APUS_DNS_UNRESOLVABLE) == 0 else { return }
        guard !target.isEmpty else { throw Mistake(text: "addr is missing") }
        self.target = target.string
        guard type != 33 else { return }
        guard host.pointee.net.pointee.parse_address(target, &address) > 0, address.family == (type == 1 ? 4 : 6) else {
            throw Mistake(text: "`\(target.string)` is no IPv\(type == 1 ? 4 : 6) address")
        }
    }

    private mutating func set(_ key: apus_str, _ value: apus_str) throws(Mistake) {
        func number(_ limit: Int64) throws(Mistake) -> UInt32 {
            guard let number = value.number, 0...limit ~= number else {
                throw Mistake(text: "\(key.string) is 0 to \(limit), not `\(value.string)`")
            }
            return UInt32(number)
        }
        switch key.string {
        case "type":
            let types: [String: UInt32] = ["A": 1, "AAAA": 28, "SRV": 33]
            guard let known = types[value.string.uppercased()] else {
                throw Mistake(text: "type is A, AAAA or SRV, not `\(value.string)`")
            }
            type = known
        case "name": name = value.string
        case "ttl": ttl = try number(Int64(UInt32.max))
        case "flags": flags = try number(3)
        case "priority": priority = UInt16(try number(65535))
        case "weight": weight = UInt16(try number(65535))
        case "port": port = UInt16(try number(65535))
        default: throw Mistake(text: "there is no attribute `\(key.string)`")
        }
    }

    /// [worker] Into the cache of the calling worker.
    func remember(_ host: Host) -> Bool {
        var (name, target) = (name, target)
        return name.withUTF8 { name in
            target.withUTF8 { target in
                var record = apus_dns_record(
                    size: UInt32(MemoryLayout<apus_dns_record>.size), type: type, flags: flags, ttl: ttl,
                    name: apus_str(start: name.baseAddress, count: name.count), address: address,
                    target: apus_str(start: target.baseAddress, count: target.count), priority: priority,
                    weight: weight, port: port, reserved: 0)
                return host.pointee.resolver.pointee.remember(host, &record) > 0
            }
        }
    }
}

/// `dns_cache`
let addKnownRecord: ParameterSetter = { host, value, _ in
    do throws(KnownRecord.Mistake) {
        state.pointee.records.append(try KnownRecord(value.pointee.str, host))
        return .true
    } catch {
        host.log(.error, error.text)
        return .false
    }
}

/// `dns_file`: empty lines, and those that begin with `#`, are left out.
let addKnownRecords: ParameterSetter = { host, value, _ in
    let path = value.pointee.str.string
    guard let file = fopen(path, "re") else {
        host.log(.error, "\(path) cannot be read: \(String(cString: strerror(errno)))")
        return .false
    }
    defer { fclose(file) }
    var memory: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(memory) }
    var number = 0
    while case let count = getline(&memory, &capacity, file), count > 0, let line = memory {
        number += 1
        let text = apus_str(s: UnsafePointer(line), len: count).trimmed
        if text.isEmpty || text[0] == UInt8(ascii: "#") { continue }
        do throws(KnownRecord.Mistake) {
            state.pointee.records.append(try KnownRecord(text, host))
        } catch {
            host.log(.error, "\(path):\(number): \(error.text)")
            return .false
        }
    }
    return .true
}
