import Bencode
import PluginKit

/// What a proxy has counted for a call.
struct Totals: Equatable {
    struct Counts: Equatable {
        var bytes: Int64 = -1
        var packets: Int64 = -1
        var errors: Int64 = -1

        init() {}

        /// -1 for what the proxy does not say.
        init(_ value: BencodedValue?) {
            bytes = value?["bytes"]?.number ?? -1
            packets = value?["packets"]?.number ?? -1
            errors = value?["errors"]?.number ?? -1
        }
    }

    /// By kinds of packets, or, as proxies of old told it, by direction.
    let isByDirection: Bool
    let first: Counts
    let second: Counts

    /// Nil when the answer has none.
    init?(_ answer: BencodedValue) {
        guard let totals = answer["totals"], totals.kind == .dictionary else { return nil }
        if let rtp = totals["RTP"] {
            isByDirection = false
            (first, second) = (Counts(rtp), Counts(totals["RTCP"]))
        } else if totals["input"] != nil || totals["output"] != nil {
            isByDirection = true
            (first, second) = (Counts(totals["input"]?["rtp"]), Counts(totals["output"]?["rtp"]))
        } else {
            return nil
        }
    }

    /// Bytes that `write` takes at most.
    static let room = 256

    /// `RTP: 3440 bytes, 20 packets, 0 errors; RTCP: …`
    func write(_ writer: inout Writer) {
        writer.add(isByDirection ? "Input: " : "RTP: ")
        write(first, &writer)
        writer.add(isByDirection ? "; Output: " : "; RTCP: ")
        write(second, &writer)
    }

    private func write(_ counts: Counts, _ writer: inout Writer) {
        writer.add(number: counts.bytes)
        writer.add(" bytes, ")
        writer.add(number: counts.packets)
        writer.add(" packets, ")
        writer.add(number: counts.errors)
        writer.add(" errors")
    }
}
