import PluginKit

/// `…DialogTable`: a row for each dialog.
final class DialogTable: Table {
    let entry: Path = [3, 1, 3, 1, 3, 1, 1]
    let columns: [UInt32] = [2, 3, 4, 5, 6, 7, 8]
    private let host: Host
    private let dialogs: UnsafePointer<dialog_api>

    init(_ host: Host, _ dialogs: UnsafePointer<dialog_api>) {
        self.host = host
        self.dialogs = dialogs
    }

    /// What is shown of a dialog.
    private struct Dialog {
        var number: UInt64 = 0
        var state: UInt32 = 0
        var from: [UInt8] = []
        var to: [UInt8] = []
        var started: Int64 = 0
        var changed: Int64 = 0
        var expires: Int64 = 0
    }

    private func dialog(after number: UInt64) -> Dialog? {
        var found = Dialog()
        let seen: @convention(c) (Host, UnsafePointer<dialog_facts>, UnsafeMutableRawPointer?) -> Void = {
            let facts = $1.pointee
            $2?.assumingMemoryBound(to: Dialog.self).pointee = Dialog(
                number: facts.number, state: facts.state, from: Array(facts.from_uri.bytes.prefix(255)),
                to: Array(facts.to_uri.bytes.prefix(255)), started: facts.started, changed: facts.changed,
                expires: facts.expires)
        }
        let isThere = withUnsafeMutablePointer(to: &found) { dialogs.pointee.next(host, number, seen, $0) }
        return isThere > 0 ? found : nil
    }

    func index(after index: Path) -> Path? {
        // Numbers that an index cannot have are behind all others.
        guard let next = dialog(after: UInt64(index.first ?? 0)), let number = UInt32(exactly: next.number) else {
            return nil
        }
        return [number]
    }

    func value(_ column: UInt32, at index: Path) -> Value? {
        guard index.count == 1, index[0] > 0, let dialog = dialog(after: UInt64(index[0]) - 1),
            dialog.number == UInt64(index[0])
        else { return nil }
        switch column {
        // invite(1): what else sets up a dialog is not kept.
        case 2: return .integer(1)
        case 3: return .octets(dialog.to)
        case 4: return .octets(dialog.from)
        case 5: return .integer(Int32(clamping: dialog.state))
        case 6: return .date(dialog.started)
        case 7: return .date(dialog.changed)
        default: return .date(dialog.expires)
        }
    }
}
