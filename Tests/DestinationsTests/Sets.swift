import PluginKit

@testable import Destinations

/// Destination sets from lists, as a server would have them.
final class Sets {
    private var builder: SnapshotBuilder
    private let options: SnapshotBuilder.Options
    private(set) var snapshot: SnapshotRef

    init(_ list: String, options change: (inout SnapshotBuilder.Options) -> Void = { _ in }) {
        var options = SnapshotBuilder.Options()
        options.countsCalls = true
        change(&options)
        self.options = options
        builder = SnapshotBuilder(options)
        snapshot = builder.build(Sets.prepared(list), replacing: nil)
        builder.publish(snapshot, replacing: nil, at: 0)
    }

    deinit { snapshot.free() }

    private static func prepared(_ list: String) -> [Prepared] {
        ListFile.parse(Array(list.utf8)).lines.map { Prepared($0.draft, host: "127.0.0.1", port: 5060) }
    }

    /// Another list takes the place of this one.
    /// - Parameter between: runs when the other one is there and not in force, with both.
    func reload(_ list: String, between: (SnapshotRef, SnapshotRef) -> Void = { _, _ in }) {
        let made = builder.build(Sets.prepared(list), replacing: snapshot)
        between(snapshot, made)
        builder.publish(made, replacing: snapshot, at: 1)
        snapshot.free()
        snapshot = made
    }

    subscript(_ id: Int64) -> SetRef { snapshot.find(id)! }

    func cell(_ uri: String, in id: Int64 = 1) -> CellRef {
        let set = self[id]
        return (0..<set.pointee.count).first { set[$0].pointee.uri.string == uri }.map { set[$0].pointee.cell }!
    }

    func uris(_ id: Int64 = 1) -> [String] {
        let set = self[id]
        return (0..<set.pointee.count).map { set[$0].pointee.uri.string }
    }

    /// The places that follow each other in a selection.
    func list(
        _ algorithm: Algorithm, in id: Int64 = 1, limit: Int = .max, _ known: Circumstances = Circumstances()
    ) -> [Int] {
        let set = self[id]
        let places = UnsafeMutablePointer<UInt32>.allocate(capacity: set.pointee.count)
        defer { places.deallocate() }
        let count = set.list(algorithm, set.choose(algorithm, known), into: places, limit: limit)
        return (0..<count).map { Int(places[$0]) }
    }

    /// How often each place is the first of so many selections.
    func shares(
        _ algorithm: Algorithm, in id: Int64 = 1, calls: Int = 10_000,
        change: (inout Circumstances, Int) -> Void = { _, _ in }
    ) -> [Int] {
        let set = self[id]
        var counts = Array(repeating: 0, count: set.pointee.count)
        var known = Circumstances()
        for call in 0..<calls {
            change(&known, call)
            if let place = set.choose(algorithm, known) { counts[place] += 1 }
        }
        return counts
    }
}

/// How far counts are from what is expected: the sum of the squared distances, each by its expectation.
func chiSquare(_ counts: [Int], expected: [Double]) -> Double {
    zip(counts, expected).reduce(0) { sum, pair in
        pair.1 == 0
            ? sum + (pair.0 == 0 ? 0 : .infinity) : sum + (Double(pair.0) - pair.1) * (Double(pair.0) - pair.1) / pair.1
    }
}
