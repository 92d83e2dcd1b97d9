import Glibc

/// Processor time that a process, its threads and its descendants have spent.
///
/// The sum is the scheduler's (schedstat, nanoseconds). How it divides into user and system comes from the kernel's sampling at
/// each tick (stat, hundredths of a second): over a few seconds of load that is good for a few per cent.
struct ProcessorTime {
    var total = 0.0
    var user = 0.0
    var system = 0.0

    /// - Throws: when there is no such process.
    init(of root: Int) throws {
        let parents = ProcessorTime.parents()
        guard parents[root] != nil else { throw UsageError("there is no process \(root)") }
        for pid in parents.keys where ProcessorTime.isDescendant(pid, of: root, parents) { add(pid) }
    }

    private init() {}

    /// What was spent since an earlier reading. Microseconds.
    func since(_ before: ProcessorTime) -> ProcessorTime {
        var difference = ProcessorTime()
        difference.total = total - before.total
        let ticks = (user - before.user) + (system - before.system)
        difference.user = ticks > 0 ? difference.total * (user - before.user) / ticks : 0
        difference.system = difference.total - difference.user
        return difference
    }

    private mutating func add(_ pid: Int) {
        guard let fields = ProcessorTime.statFields(pid), fields.count > 12 else { return }
        user += Double(fields[11]) ?? 0
        system += Double(fields[12]) ?? 0
        for task in ProcessorTime.numbers(in: "/proc/\(pid)/task") {
            guard let text = readFile("/proc/\(pid)/task/\(task)/schedstat"),
                let first = text.split(separator: " ").first
            else { continue }
            total += (Double(first) ?? 0) / 1000
        }
    }

    /// The fields of /proc/PID/stat after the name, which may hold anything: state is 0, the parent 1, utime 11, stime 12.
    private static func statFields(_ pid: Int) -> [Substring]? {
        guard let text = readFile("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        return text[text.index(after: end)...].split(separator: " ")
    }

    private static func parents() -> [Int: Int] {
        var result: [Int: Int] = [:]
        for pid in numbers(in: "/proc") {
            if let fields = statFields(pid), fields.count > 1 { result[pid] = Int(fields[1]) }
        }
        return result
    }

    private static func isDescendant(_ pid: Int, of root: Int, _ parents: [Int: Int]) -> Bool {
        var at = pid
        while at != root {
            guard let parent = parents[at], parent != at else { return false }
            at = parent
        }
        return true
    }

    private static func numbers(in folder: String) -> [Int] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var result: [Int] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let number = Int(name) { result.append(number) }
        }
        return result
    }
}

/// A small file as text; nil when it cannot be read.
func readFile(_ path: String) -> String? { readBytes(path).map { String(decoding: $0, as: UTF8.self) } }

/// The first 4096 bytes of a file; nil when it cannot be read or is empty.
func readBytes(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &bytes, bytes.count)
    return count > 0 ? Array(bytes[..<count]) : nil
}
