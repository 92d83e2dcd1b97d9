import PluginAPI

// Invariants: `beginChanges` runs on the main thread before the workers' threads start. From then on values are changed on the management thread
// and put in force by each worker for itself: its table is its own. A mail and its change live until the worker has received it.

/// Parameters that change while the server runs.
extension Modules {
    /// What somebody wants a parameter to be.
    struct Change {
        let group: String
        let name: String
        /// Its text is the caller's.
        let value: apus_value
    }

    /// Why nothing was changed.
    struct ChangeRefusal: Error, Equatable {
        let text: String
    }

    /// Bytes of all the different texts that parameters are ever set to: they live for ever, since messages may hold them.
    static let textLimit = 1 << 20

    /// Takes the values in force into the workers' tables, when all modules have started.
    func beginChanges() {
        let all = registry.changeable.all
        for parameter in all {
            parameter.initial = parameter.read()
            parameter.value = parameter.initial
        }
        guard let workers = shared.pointee.workers else { return }
        for index in 0..<Int(shared.pointee.workerCount) {
            let table = UnsafeMutablePointer<apus_value>.allocate(capacity: max(1, all.count))
            for (number, parameter) in all.enumerated() { (table + number).initialize(to: parameter.value) }
            workers[index].settings = table
        }
    }

    /// [management] Makes all of the changes, or none. Each worker puts them in force between two of its messages.
    func change(_ changes: [Change]) throws(ChangeRefusal) {
        var parts: [WorkerChange.Part] = []
        for change in changes {
            guard let number = registry.changeable.number(change.group, change.name) else {
                throw ChangeRefusal(text: "there is no parameter \(change.group).\(change.name) that may change")
            }
            let parameter = registry.changeable.all[number]
            if let mistake = parameter.mistake(in: change.value) {
                throw ChangeRefusal(text: "\(change.group).\(change.name) \(mistake)")
            }
            parts.append(WorkerChange.Part(number: number, parameter: parameter, value: try kept(change.value)))
        }
        for part in parts {
            Log.notice(
                "\(part.parameter.group).\(part.parameter.name) is \(part.value.shown), was \(part.parameter.value.shown)"
            )
            part.parameter.value = part.value
        }
        guard let workers = shared.pointee.workers else { return }
        let change = WorkerChange(parts, workers)
        for index in 0..<Int(shared.pointee.workerCount) {
            change.post(to: workers[index].worker.pointee.mailbox)
        }
    }

    /// The value with a text that lives for ever.
    private func kept(_ value: apus_value) throws(ChangeRefusal) -> apus_value {
        guard value.hasText else { return apus_value(value.num) }
        let text = value.str.string
        if let known = changedTexts[text] { return apus_value(apus_str(known)) }
        changedTextBytes += text.utf8.count
        guard changedTextBytes <= Modules.textLimit else {
            changedTextBytes -= text.utf8.count
            throw ChangeRefusal(text: "parameters were set to too many different texts: restart the server")
        }
        let bytes = PermanentText.bytes(text)
        changedTexts[text] = bytes
        return apus_value(apus_str(bytes))
    }
}

/// A change on its way to the workers.
private final class WorkerChange: Sendable {
    struct Part: @unchecked Sendable {
        let number: Int
        let parameter: ChangeableParameter
        let value: apus_value
    }

    /// The node first, so that it is the mail.
    private struct Mail {
        var node: MailNode
        let change: Unmanaged<WorkerChange>
    }

    private let parts: [Part]
    private nonisolated(unsafe) let tables: UnsafeMutablePointer<ModuleWorker>

    init(_ parts: [Part], _ tables: UnsafeMutablePointer<ModuleWorker>) {
        self.parts = parts
        self.tables = tables
    }

    func post(to mailbox: Mailbox) {
        let mail = UnsafeMutablePointer<Mail>.allocate(capacity: 1)
        mail.initialize(to: Mail(node: MailNode(receive: WorkerChange.received), change: .passRetained(self)))
        mailbox.post(UnsafeMutableRawPointer(mail).assumingMemoryBound(to: MailNode.self))
    }

    /// [worker] In the turn of its loop, before it runs messages.
    private static let received: Mailbox.Callback = { worker, node in
        let mail = node.assumingMemoryBound(to: Mail.self)
        let change = mail.pointee.change.takeRetainedValue()
        mail.deinitialize(count: 1)
        mail.deallocate()
        for part in change.parts {
            change.tables[worker.assumingMemoryBound(to: Worker.self).pointee.index].settings?[part.number] = part.value
            part.parameter.apply?(part.value)
        }
    }
}

extension apus_value {
    /// For the log.
    fileprivate var shown: String { hasText ? "\"\(str.string)\"" : String(num) }
}
