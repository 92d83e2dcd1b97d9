import Glibc
import PluginKit
import RoutingKit

// Invariants: a Dialog lies in one piece of its stripe's slab with the texts that it begins with; its To tag and its labels have pieces of their own. It is touched under
// the mutex of its stripe only. Texts end with a NUL behind them.

typealias DialogRef = UnsafeMutablePointer<Dialog>

/// What has become of a call.
enum DialogState: Int32, CaseIterable {
    case begun = 1
    case ringing, answered, confirmed, ended, refused

    /// In the words of the module's peers.
    var name: StaticString {
        switch self {
        case .begun: "init"
        case .ringing: "progress"
        case .answered: "answered"
        case .confirmed: "confirmed"
        case .ended: "terminted"
        case .refused: "notanswered"
        }
    }

    var isOver: Bool { self == .ended || self == .refused }
}

/// What a message says about a call.
enum DialogEvent {
    case ringing
    case answered
    case refused
    case acknowledged
    case ended
}

/// One call.
struct Dialog {
    /// A text that a script has put on it.
    struct Label {
        let next: UnsafeMutablePointer<Label>?
        let text: apus_str

        var size: Int { MemoryLayout<Label>.stride + text.len + 1 }
    }

    /// Labels of one call at most.
    static let mostLabels = 32

    var next: DialogRef?
    let hash: UInt64
    var state = DialogState.begun
    /// Seconds since 1970; 0: not yet.
    let beginning: Int64
    var answer: Int64 = 0
    var end: Int64 = 0
    let callID: apus_str
    let fromTag: apus_str
    let source: apus_str
    let destination: apus_str
    let data: apus_str
    let identifier: apus_str
    var toTag: apus_str = ""
    var labels: UnsafeMutablePointer<Label>?

    /// What it is made of.
    struct Facts {
        let callID: apus_str
        let fromTag: apus_str
        let source: apus_str
        let destination: apus_str
        let data: apus_str
    }

    /// Bytes of all of it: six texts, each with a NUL.
    fileprivate var size: Int {
        Dialog.size(Facts(callID: callID, fromTag: fromTag, source: source, destination: destination, data: data))
            + identifier.len
    }

    /// Without its identifier.
    private static func size(_ facts: Facts) -> Int {
        MemoryLayout<Dialog>.stride + facts.callID.len + facts.fromTag.len + facts.source.len + facts.destination.len
            + facts.data.len + 6
    }

    /// Nil when memory is out, or the texts are too long.
    static func make(
        _ facts: Facts, _ hash: UInt64, _ identifier: apus_str, _ now: Int64, _ slab: inout Slab
    ) -> DialogRef? {
        guard let memory = slab.allocate(size(facts) + identifier.len) else { return nil }
        var place = memory + MemoryLayout<Dialog>.stride
        func keep(_ text: apus_str) -> apus_str {
            let kept = copy(text, to: place)
            place += text.len + 1
            return kept
        }
        let dialog = memory.bindMemory(to: Dialog.self, capacity: 1)
        dialog.initialize(
            to: Dialog(
                hash: hash, beginning: now, callID: keep(facts.callID), fromTag: keep(facts.fromTag),
                source: keep(facts.source), destination: keep(facts.destination), data: keep(facts.data),
                identifier: keep(identifier)))
        return dialog
    }

    static func copy(_ text: apus_str, to place: UnsafeMutableRawPointer) -> apus_str {
        let start = place.bindMemory(to: UInt8.self, capacity: text.len + 1)
        if let bytes = text.s { memcpy(start, bytes, text.len) }
        start[text.len] = 0
        return apus_str(start: start, count: text.len)
    }
}

extension DialogRef {
    /// Gives back what it holds, and itself.
    func destroy(_ slab: inout Slab) {
        dropToTag(&slab)
        while let label = pointee.labels {
            pointee.labels = label.pointee.next
            slab.release(label, label.pointee.size)
        }
        slab.release(self, pointee.size)
    }

    private func dropToTag(_ slab: inout Slab) {
        if !pointee.toTag.isEmpty, let text = pointee.toTag.s {
            slab.release(UnsafeMutableRawPointer(mutating: text), pointee.toTag.len + 1)
        }
        pointee.toTag = ""
    }

    /// - Returns: whether its state is another now.
    func take(_ event: DialogEvent, toTag: apus_str, _ now: Int64, _ slab: inout Slab) -> Bool {
        let state = pointee.state
        switch event {
        // Another branch may ring, or another attempt, after the one that was refused.
        case .ringing: if state == .begun || state == .refused { pointee.state = .ringing }
        case .answered:
            guard state != .confirmed, state != .ended, state != .answered else { return false }
            pointee.state = .answered
            pointee.answer = now
            keep(toTag: toTag, &slab)
        case .refused: if state == .begun || state == .ringing { pointee.state = .refused }
        case .acknowledged: if state == .answered { pointee.state = .confirmed }
        case .ended: pointee.state = .ended
        }
        if pointee.state.isOver, !state.isOver { pointee.end = now }
        return pointee.state != state
    }

    private func keep(toTag tag: apus_str, _ slab: inout Slab) {
        dropToTag(&slab)
        guard !tag.isEmpty, let memory = slab.allocate(tag.len + 1) else { return }
        pointee.toTag = Dialog.copy(tag, to: memory)
    }

    func hasLabel(_ text: apus_str) -> Bool {
        var label = pointee.labels
        while let own = label {
            if own.pointee.text.equals(text) { return true }
            label = own.pointee.next
        }
        return false
    }

    private var labelCount: Int {
        var count = 0
        var label = pointee.labels
        while let own = label {
            count += 1
            label = own.pointee.next
        }
        return count
    }

    /// False when memory is out, the text too long, or there are too many. One that it has stays as it is.
    func add(label text: apus_str, _ slab: inout Slab) -> Bool {
        if hasLabel(text) { return true }
        let size = MemoryLayout<Dialog.Label>.stride
        guard labelCount < Dialog.mostLabels, let memory = slab.allocate(size + text.len + 1) else { return false }
        let label = memory.bindMemory(to: Dialog.Label.self, capacity: 1)
        label.initialize(to: Dialog.Label(next: pointee.labels, text: Dialog.copy(text, to: memory + size)))
        pointee.labels = label
        return true
    }

    /// False when it has none of that text.
    func remove(label text: apus_str, _ slab: inout Slab) -> Bool {
        var before: UnsafeMutablePointer<Dialog.Label>?
        var label = pointee.labels
        while let own = label {
            guard own.pointee.text.equals(text) else {
                (before, label) = (own, own.pointee.next)
                continue
            }
            if let before {
                before.initialize(to: Dialog.Label(next: own.pointee.next, text: before.pointee.text))
            } else {
                pointee.labels = own.pointee.next
            }
            slab.release(own, own.pointee.size)
            return true
        }
        return false
    }
}
