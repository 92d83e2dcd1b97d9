import Glibc
import PluginKit
import RoutingKit

// Invariants: a worker's random pool is touched on that worker only; other threads ask the kernel.

/// Names that nobody has used before and nobody can guess.
enum Identifiers {
    /// Bytes of a Call-ID and of a From tag.
    static let callIDLength = 32
    static let tagLength = 16

    /// Writes a Call-ID; on a worker one whose home it is, so that its requests need not be handed over.
    static func writeCallID(_ state: UnsafeMutablePointer<State>, to memory: UnsafeMutableRawPointer) -> apus_str {
        let home = state.home
        let first = random(home)
        // With every worker equally likely, a miss of all of them is not to be expected; if it comes, a hand-over does as well.
        let attempts = home == nil ? 1 : 32 * Int(state.pointee.homeCount)
        for _ in 0..<attempts {
            var out = Writer(memory, capacity: callIDLength)
            out.add(hex: first, width: 16)
            out.add(hex: random(home), width: 16)
            guard let home, let host = state.pointee.host else { break }
            if host.pointee.worker.pointee.home(host, out.text) == home.pointee.index { break }
        }
        return apus_str(start: UnsafePointer(memory.assumingMemoryBound(to: UInt8.self)), count: callIDLength)
    }

    /// Writes a From tag.
    static func writeTag(_ state: UnsafeMutablePointer<State>, to memory: UnsafeMutableRawPointer) -> apus_str {
        var out = Writer(memory, capacity: tagLength)
        out.add(hex: random(state.home), width: 16)
        return out.text
    }

    private static func random(_ home: UnsafeMutablePointer<Home>?) -> UInt64 {
        if let home { return home.pointee.random.take() }
        var number: UInt64 = 0
        _ = getentropy(&number, MemoryLayout<UInt64>.size)
        return number
    }
}
